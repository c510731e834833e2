"""Results on disk: HDF5 files, their schema, locks, and atomic writes.

Begin with `store` (one file per result, found by its key); only `hdf5` imports h5py, `schema`
defines the arrays of a stored result, `atomic_files` and `locks` keep writers apart, `plain_files`
and `output_files` read and write the files that a user names, `pixel_cache` keeps decoded images.
"""
