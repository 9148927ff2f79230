"""How the models this project carries were trained. Nothing here is installed or needed at serving time."""
