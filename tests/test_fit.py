"""fit: it learns, repeats itself, leaves no trace, and says in one sentence what stopped it."""

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from cbam_course import fit
from cbam_course.networks.small_cnn import DenseCNN, SmallCNN
from cbam_course.training.fit import LossNotFinite, image_scores
from cbam_course.training.parameter_groups import parameter_groups


class Tiny(nn.Sequential):
    """The average colour, classified."""

    def __init__(self):
        super().__init__(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.1), nn.Linear(3, 2))


def coloured(count=64, seed=0):
    labels = torch.randint(0, 2, (count,), generator=torch.Generator().manual_seed(seed))
    images = torch.full((count, 3, 4, 4), 100, dtype=torch.uint8)
    images[:, 0] += 100 * labels.to(torch.uint8)[:, None, None]
    return images, labels


def train(model=None, data=None, **options):
    torch.manual_seed(0)
    model = Tiny() if model is None else model
    options = {"epochs": 2, "batch_size": 16, "progress": False, **options}
    return model, fit(model, coloured() if data is None else data, coloured(32, 1), **options)


def weights(**options):
    return torch.cat([p.detach().flatten() for p in train(**options)[0].parameters()])


def test_an_easy_task_is_learned_and_every_epoch_is_recorded():
    model, history = train(epochs=12, learning_rate=0.1)
    assert history.final == 1.0
    assert [e.epoch for e in history.epochs] == list(range(1, 13))
    assert history.epochs[-1].train_loss < history.epochs[0].train_loss / 2
    assert not model.training
    assert (history.metric, history.seconds > 0) == ("accuracy", True)


def test_the_same_seed_gives_the_same_weights_and_another_seed_does_not():
    torch.testing.assert_close(weights(), weights(), rtol=0, atol=0)
    assert not torch.equal(weights(), weights(seed=1))


def test_dropout_depends_on_the_seed_alone():
    found = []
    for state in (1, 2):
        torch.manual_seed(0)
        model = Tiny()
        torch.manual_seed(state)
        fit(model, coloured(), coloured(), epochs=1, progress=False)
        found.append(model[3].weight.detach())
    torch.testing.assert_close(*found, rtol=0, atol=0)


def test_the_state_of_random_numbers_is_left_as_it_was():
    torch.manual_seed(5)
    model, before = Tiny(), torch.get_rng_state()
    fit(model, coloured(), coloured(), epochs=1, progress=False)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    "option",
    [
        {"batch_size": 8},
        {"learning_rate": 0.1},
        {"weight_decay": 5.0},
        {"epochs": 3},
        {"precision": "bfloat16"},
    ],
)
def test_every_option_changes_the_training(option):
    assert not torch.equal(weights(), weights(**option))


def test_a_loss_and_a_metric_of_ones_own_are_used():
    def half(logits, labels):
        return torch.full((len(labels),), 0.5)

    _, history = train(metric=half)
    assert (history.metric, history.final) == ("half", 0.5)
    still = weights(loss=lambda logits, labels: logits.sum() * 0, weight_decay=0.0)
    torch.manual_seed(0)
    torch.testing.assert_close(still, torch.cat([p.detach().flatten() for p in Tiny().parameters()]))


def test_a_data_loader_does_as_well_as_tensors():
    images, labels = coloured()
    loader = DataLoader(TensorDataset(images, labels), batch_size=16, shuffle=True)
    torch.testing.assert_close(weights(data=loader), weights(data=loader))
    assert train(data=loader, epochs=12, learning_rate=0.1)[1].final == 1.0


def test_uint8_and_scaled_floats_are_the_same_images():
    images, labels = coloured()
    scaled = (images.float() / 127.5 - 1, labels)
    torch.testing.assert_close(weights(), weights(data=scaled))


def test_masks_are_learned_with_mean_iou():
    images = torch.zeros(32, 3, 16, 16, dtype=torch.uint8)
    images[:16, :, :, :8] = 255
    images[16:, :, :, 8:] = 255
    masks = images[:, 0] > 0
    torch.manual_seed(0)
    model = DenseCNN(widths=(4, 4))
    history = fit(
        model, (images, masks), (images, masks), epochs=20, batch_size=8, learning_rate=0.03, progress=False
    )
    assert history.metric == "mean_iou"
    assert history.final > 0.6


def test_biases_norms_and_alphas_are_not_decayed():
    class Gated(nn.Module):
        def __init__(self):
            super().__init__()
            self.net, self.norm, self.alpha = Tiny(), nn.BatchNorm2d(3), nn.Parameter(torch.ones(()))

        def forward(self, x):
            return self.net(x) + 0 * (self.alpha.sum() + self.norm.weight.sum())

    model = Gated()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    train(model, loss=lambda logits, labels: logits.sum() * 0, weight_decay=1.0, learning_rate=0.1)
    changed = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert changed == {"net.3.weight"}
    grouped = [p for group in parameter_groups(model, 0.1, 1.0) for p in group["params"]]
    assert len(grouped) == len({id(p) for p in grouped}) == len(before)


def test_ctrl_c_keeps_what_was_reached_and_says_so(capsys):
    class Interrupted(Tiny):
        steps = 0

        def forward(self, x):
            self.steps += self.training
            if self.steps > 6:  # in the second epoch of four steps
                raise KeyboardInterrupt
            return super().forward(x)

    model, history = train(Interrupted())
    sentence = "Stopped by hand in epoch 2 of 2: the model keeps the weights it had reached, and 1 finished"
    assert history.notes[0].startswith(sentence)
    assert sentence in capsys.readouterr().out
    assert sentence in str(history)
    assert len(history.epochs) == 1
    torch.manual_seed(0)
    assert not torch.equal(model[3].weight, Tiny()[3].weight)


def test_a_nan_loss_stops_with_a_sentence_and_keeps_the_finished_epochs():
    class Breaks(Tiny):
        def forward(self, x):
            y = super().forward(x)
            return y * float("nan") if self.training and (self[3].weight != self.start).all() else y

    torch.manual_seed(0)
    model = Breaks()
    model.start = model[3].weight.detach().clone()
    with pytest.raises(
        LossNotFinite, match=r"The loss is nan in epoch 1, step 2: try a learning_rate ten"
    ) as caught:
        train(model)
    assert caught.value.history.epochs == []
    assert model[3].weight.isfinite().all()


def test_a_gpu_that_is_too_small_gets_the_batch_in_parts():
    class Small(Tiny):
        def forward(self, x):
            if len(x) > 4:
                raise torch.cuda.OutOfMemoryError("CUDA out of memory")
            return super().forward(x)

    torch.manual_seed(0)
    model = Small()
    model[2].p = 0.0  # dropout would be drawn anew for each part
    _, history = train(model)
    assert history.notes[-1].startswith(
        "The GPU's memory is too small for 16 images at once: each batch goes through in 4"
    )
    torch.manual_seed(0)
    whole = Tiny()
    whole[2].p = 0.0
    _, expected = train(whole)
    torch.testing.assert_close(model[3].weight, whole[3].weight)
    # AdamW forgives a gradient of the wrong size, the recorded loss does not.
    assert history.epochs[0].train_loss == pytest.approx(expected.epochs[0].train_loss)


def test_the_history_is_a_table_and_a_text():
    _, history = train()
    assert list(history.table().columns) == ["epoch", "train_loss", "validation_loss", "accuracy", "seconds"]
    assert "2 epochs in" in str(history)
    assert "accuracy" in str(history)


def test_image_scores_gives_one_number_per_image_and_leaves_the_mode():
    model = SmallCNN(2, widths=(4,)).train()
    scores = image_scores(model, coloured(10), batch_size=3)
    assert scores.shape == (10,)
    assert model.training
    assert set(scores.tolist()) <= {0.0, 1.0}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"epochs": 0}, "epochs is 0; give a whole number of at least 1."),
        ({"batch_size": 1.5}, "batch_size is 1.5"),
        ({"learning_rate": -1}, "learning_rate is -1"),
        ({"precision": "half"}, "precision is 'half'; choose one of 'auto'"),
        ({"data": torch.zeros(3)}, "train is a Tensor; give a pair of tensors"),
        (
            {"data": (torch.zeros(4, 3, 2, 2), torch.zeros(3))},
            "train has 4 images and 3 labels; give one label per",
        ),
        ({"data": (torch.zeros(3, 2, 2), torch.zeros(3))}, "train has images of shape"),
    ],
)
def test_a_bad_argument_gets_one_sentence(options, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        train(**options)
