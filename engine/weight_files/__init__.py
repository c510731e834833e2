"""Files of weights in any format, read as data: nothing in them is ever run.

Begin with `torch_files` (what torch.save wrote) and `safetensors`; `pickle_machine` builds what a
pickle describes without importing what it names, `wrappers` finds the state dict in a checkpoint,
`diagnosis` says what a file is that holds no weights alone.
"""
