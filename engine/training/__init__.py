"""The SGD loop shared by all training, with CUDA graphs, checkpoints and re-learning.

Begin with `sgd.descend`, which trains the Original, the Re-trains and every fine-tuning method.
"""
