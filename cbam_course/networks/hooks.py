"""How attention hangs on a module: a child named ``attention`` and a forward hook that runs it.

The hook is a function at module level that asks the module it runs on. A closure over the attention could not
be pickled, and in a deepcopy it would still run the original's attention.
"""

from torch import Tensor, nn

from .fake import reference_parameter


def run_attention(module: nn.Module, inputs: tuple, output: Tensor) -> Tensor:
    """Forward hook: return the output after the module's attention."""
    return module.attention(output)


def attach(module: nn.Module, attention: nn.Module, model: nn.Module) -> None:
    """Hang ``attention`` on ``module``, a part of ``model``, in the model's dtype and on its device."""
    like = reference_parameter(model)
    module.attention = attention.to(like.device, like.dtype).train(module.training)
    module.register_forward_hook(run_attention)


def is_attached(module: nn.Module) -> bool:
    """Tell whether :func:`attach` has hung attention on this very module."""
    return run_attention in module._forward_hooks.values()


def detach(module: nn.Module) -> None:
    """Undo :func:`attach`."""
    hooks = module._forward_hooks
    for key in [key for key, hook in hooks.items() if hook is run_attention]:
        del hooks[key]
    del module.attention


def remove_attention(model: nn.Module) -> nn.Module:
    """Take out what ``insert_attention`` put in; ``model`` is changed and returned, its outputs as before.

    Args:
        model: any module. One without inserted attention stays as it is.
    """
    for module in list(model.modules()):
        if is_attached(module):
            detach(module)
    return model
