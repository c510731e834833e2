"""The desktop window. It holds state and draws; all computation is left to the engine."""
