"""The window: it holds state and draws; it computes nothing that the engine should."""
