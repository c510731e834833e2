"""From what a person writes to the samples that are to be forgotten.

Begin with `forget_set` (`class:8:0.5` and its kin); `index_files` and `index_text` read lists of
samples, `sample_names` says what samples are called.
"""
