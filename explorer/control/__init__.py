"""The use cases of the window, without widgets: what happens on a click.

Begin with `controller`; `forget_set`, `choice`, `opening` and `exports` are its parts,
`study_runner` and `run_queue` run studies, `neighborhood`, `slice` and `queries` answer queries
about one sample or model.
"""
