"""Results on disk: HDF5 files, their schema, locks, and files that are whole or absent.

Begin with `store` (one file per result, found by its key); `hdf5` alone knows h5py, `schema` says
which arrays a stored result has, `atomic_files` and `locks` keep writers apart, `plain_files` and
`output_files` read and write what a person named.
"""
