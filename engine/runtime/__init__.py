"""Where and how computations run: device, seeds, batches, memory, progress.

Begin with `device` (which device, how torch computes) and `seeds` (the source of every random
number of a study); `progress` is the engine's only channel back to its caller.
"""
