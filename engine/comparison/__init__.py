"""Two models side by side: accuracy by class, predictions, confidence, and linear CKA.

Begin with `pair`; `cka` compares the layers that `activations` finds in any network.
"""
