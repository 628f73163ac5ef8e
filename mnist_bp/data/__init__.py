"""Where digits come from: files on disk, and the mirrors that fill the cache with them."""
