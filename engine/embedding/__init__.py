"""One UMAP of several models' features, laid out together.

Begin with `points` (who is shown); `joint_umap` alone knows umap and runs in a process of its own,
`joint_graph` ties the models together.
"""
