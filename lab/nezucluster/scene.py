"""How scenes are declared."""

SCENES = {}


class Scene:
    def __init__(self, function, kind, short, long, check, errors):
        self.function, self.kind, self.short, self.long, self.check, self.errors = function, kind, short, long, check, errors
        self.name = function.__name__.replace("_", "-")
        self.text = " ".join((function.__doc__ or "").split())


def scene(kind, short=None, long=None, check=True, errors=()):
    """Declares a scene: a function of a Rig that stands and is well, and of its settings. It fails by raising; what it gives back is shown.

    kind: "cold", "warm", "fenced" (a warm pair with fencing), or "manager" (a pair of managers with fencing, and one probe). short, long: settings of its two forms (make check takes the short ones). check: it is part of make check.
    errors: lines of level error that the scene brings about."""
    def declare(function):
        found = Scene(function, kind, short or {}, long or short or {}, check, errors)
        SCENES[found.name] = found
        return function
    return declare
