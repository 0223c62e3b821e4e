"""Answers to the task parameter-groups."""


def in_a_loop(model, new_rate, old_rate):
    new, alphas, old = [], [], []
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        if name.endswith("alpha"):
            alphas.append(parameter)
        elif "attention" in name or name.startswith("fc"):
            new.append(parameter)
        else:
            old.append(parameter)
    return [
        {"params": new, "lr": new_rate},
        {"params": alphas, "lr": new_rate, "weight_decay": 0.0},
        {"params": old, "lr": old_rate},
    ]


def is_new(name):
    return ".attention." in name or name.split(".")[0] == "fc"


def one_group_each(model, new_rate, old_rate):
    return [
        {
            "params": [parameter],
            "lr": new_rate if is_new(name) else old_rate,
            "weight_decay": 0 if parameter.ndim < 2 else 0.05,
        }
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    ]


def with_generators(model, new_rate, old_rate):
    trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]

    def chosen(wanted):
        return (p for name, p in trained if wanted(name))

    groups = (
        {"params": chosen(lambda n: not is_new(n)), "lr": old_rate},
        {"params": chosen(lambda n: is_new(n) and "alpha" not in n), "lr": new_rate},
        {"params": chosen(lambda n: "alpha" in n), "lr": new_rate, "weight_decay": 0.0},
    )
    return groups


RIGHT = [in_a_loop, one_group_each, with_generators]


def groups(
    model, new_rate, old_rate, *, new=is_new, keep=lambda n, p: p.requires_grad, decay=None, twice=False
):
    """One group for each parameter that ``keep`` keeps, at the new rate where ``new`` says so."""
    decay = decay or (lambda name: 0.0 if name.endswith("alpha") else 0.01)
    result = []
    for name, parameter in model.named_parameters():
        if keep(name, parameter):
            rate = new_rate if new(name) else old_rate
            result.append({"params": [parameter], "lr": rate, "weight_decay": decay(name)})
            if twice and name.endswith("alpha"):
                result.append({"params": [parameter], "lr": rate, "weight_decay": 0.0})
    return result


def change(**steps):
    return lambda model, new_rate, old_rate: groups(model, new_rate, old_rate, **steps)


def freezes(model, new_rate, old_rate):
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(is_new(name))
    return groups(model, new_rate, old_rate, keep=lambda n, p: True)


def unfreezes(model, new_rate, old_rate):
    model.requires_grad_(True)
    return groups(model, new_rate, old_rate)


WRONG = {
    "rates-swapped": [lambda model, new_rate, old_rate: groups(model, old_rate, new_rate)],
    "one-rate": [change(new=lambda name: True), change(new=lambda name: False)],
    "only-new": [
        change(keep=lambda n, p: p.requires_grad and is_new(n)),
        change(keep=lambda n, p: p.requires_grad and ".attention." in n),
    ],
    "classifier-forgotten": [change(new=lambda name: "attention" in name)],
    "attention-forgotten": [
        change(new=lambda name: name.startswith("fc")),
        change(new=lambda name: is_new(name) and not name.endswith("alpha")),
    ],
    "alpha-forgotten": [change(keep=lambda n, p: p.requires_grad and not n.endswith("alpha"))],
    "frozen-included": [change(keep=lambda n, p: True)],
    "alpha-decays": [change(decay=lambda name: 0.01)],
    "nothing-decays": [change(decay=lambda name: 0.0)],
    "duplicated": [change(twice=True)],
    "model-changed": [freezes, unfreezes],
}
