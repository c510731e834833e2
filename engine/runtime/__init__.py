"""Where and how computations run: device, seeds, batches, memory, progress.

Begin with `device` (which device, how torch computes) and `seeds` (every random number of a study
comes from there); `progress` is the only way from the engine up to whoever started it.
"""
