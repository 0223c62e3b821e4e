"""Answers to the task polite-hook."""

import torch


def with_finally(model, name, images):
    kept = []
    handle = model.get_submodule(name).register_forward_hook(lambda m, inputs, output: kept.append(output))
    try:
        model(images)
    finally:
        handle.remove()
    return kept[0].detach()


def with_statement(model, name, images):
    kept = {}

    def keep(module, inputs, output):
        kept["map"] = output.detach().clone()

    with dict(model.named_modules())[name].register_forward_hook(keep), torch.no_grad():
        model(images)
    return kept["map"]


def without_a_graph(model, name, images):
    kept = []
    handle = model.get_submodule(name).register_forward_hook(lambda m, inputs, output: kept.append(output))
    try:
        with torch.no_grad():
            model(images)
    finally:
        handle.remove()
    return kept[0]


def _taken(pick, *, detach=True, remove=True, swallow=False, careful=True):
    def grab(model, name, images):
        kept = []
        handle = model.get_submodule(name).register_forward_hook(lambda m, i, o: kept.append(pick(i, o)))
        try:
            model(images)
        except ValueError:
            if careful:
                handle.remove()
            if not swallow:
                raise
        if remove:
            handle.remove()
        return (kept[0].detach() if detach else kept[0]) if kept else None

    return grab


def called_alone(model, name, images):
    return model.get_submodule(name)(images).detach()


RIGHT = [with_finally, with_statement, without_a_graph]

WRONG = {
    "final-output": [lambda model, name, images: model(images).detach()],
    "input-taken": [_taken(lambda i, o: i[0])],
    "not-detached": [_taken(lambda i, o: o, detach=False)],
    "hook-left": [_taken(lambda i, o: o, remove=False)],
    "not-in-finally": [_taken(lambda i, o: o, careful=False)],
    "error-swallowed": [_taken(lambda i, o: o, swallow=True)],
    "called-alone": [called_alone],
}
