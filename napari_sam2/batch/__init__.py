"""Many images, one analysis: resumable, in local processes, on a Dask cluster, or an item a job."""
