"""A joint UMAP layout of several models' features.

Start with `points` (the samples shown); only `joint_umap` imports umap, in a process of its own;
`joint_graph` connects the models.
"""
