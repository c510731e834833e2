"""Two models side by side: accuracy by class, predictions, confidence, and linear CKA.

Start with `pair`; `cka` compares the layers that `activations` extracts from any network.
"""
