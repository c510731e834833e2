"""The one SGD loop and what goes with it: CUDA graphs, checkpoints, re-learning.

Begin with `sgd.descend`, through which the Original, Re-trains and every fine-tuning method go.
"""
