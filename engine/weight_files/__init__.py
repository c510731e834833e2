"""Weight files of any format, read as data: no code in them is ever run.

Begin with `torch_files` (files of torch.save) and `safetensors`; `pickle_machine` builds the values
that a pickle describes without importing anything it names, `wrappers` finds the state dicts in a
checkpoint, `diagnosis` explains why a file is not a pure weight file.
"""
