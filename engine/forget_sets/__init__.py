"""Parse descriptions of forget sets into sample indices.

Start with `forget_set` (`class:8:0.5` and the other forms); `index_files` and `index_text` read
lists of samples, `sample_names` resolves sample names.
"""
