from engine.notebook.measurement import residual_knowledge as residual_knowledge
from engine.notebook.studies import open as open
from engine.notebook.unlearning import unlearn as unlearn

__version__: str
PROGRAM: str
