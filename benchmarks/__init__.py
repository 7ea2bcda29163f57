"""Speed, memory and quality, measured against peers; each module is one command."""
