#!/bin/bash
# One item of a batch in each task of a job array:
#
#     napari-sam2 batch batch.yaml --dry-run       # how many items there are
#     sbatch --array=0-39 slurm_array.sh batch.yaml
#
# Add %20 to the array to have at most 20 tasks at a time. Submitted again, it does only what is missing.

#SBATCH --job-name=napari-sam2
#SBATCH --cpus-per-task=2
#SBATCH --mem=6G
#SBATCH --time=04:00:00
#SBATCH --output=batch_%A_%a.log
# For a GPU in each task, remove the first # of the next line.
##SBATCH --gpus-per-task=1

set -euo pipefail

# Activate here the environment that napari-sam2 is installed in, for example:
# source ~/napari-sam2/bin/activate

napari-sam2 batch "${1:-batch.yaml}" --item "$SLURM_ARRAY_TASK_ID"
