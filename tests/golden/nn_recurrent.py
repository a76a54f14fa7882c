"""Values of PyTorch's recurrent layers for tests/lua/nn_recurrent_test.lua: results and all
gradients of sum(y gy) + sum(h gh) + sum(c gc), in f64. Run by hand with Debian's python3-torch;
writes nn_recurrent.npz beside this file.
"""
import pathlib

import numpy
import torch

CASES = {
    # name: class, batch, time, inputs, hidden, options, initial state, lengths
    "lstm": (torch.nn.LSTM, 3, 5, 4, 6, {}, True, None),
    "lstm_deep": (torch.nn.LSTM, 4, 6, 3, 5, {"num_layers": 2, "bidirectional": True}, True,
                  [4, 6, 1, 6]),
    "gru": (torch.nn.GRU, 3, 5, 4, 6, {"bias": False}, False, None),
    "gru_deep": (torch.nn.GRU, 4, 6, 3, 5, {"num_layers": 2, "bidirectional": True}, True,
                 [2, 5, 6, 3]),
    "rnn": (torch.nn.RNN, 3, 5, 4, 6, {"bidirectional": True}, True, None),
    "rnn_deep": (torch.nn.RNN, 4, 6, 3, 5, {"num_layers": 3, "nonlinearity": "relu"}, True,
                 [6, 2, 3, 6]),
}


def run(layer, x, state, lengths):
    if lengths is None:
        return layer(x, state)
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, True, enforce_sorted=False)
    y, states = layer(packed, state)
    return torch.nn.utils.rnn.pad_packed_sequence(y, True, total_length=x.shape[1])[0], states


def case(made, batch, time, inputs, hidden, options, initial, lengths):
    layer = made(inputs, hidden, batch_first=True, **options).double()
    x = torch.randn(batch, time, inputs, dtype=torch.float64, requires_grad=True)
    rows = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    names = ["h", "c"] if made is torch.nn.LSTM else ["h"]
    state = [torch.randn(rows, batch, hidden, dtype=torch.float64, requires_grad=True)
             for _ in names]
    given = (tuple(state) if len(state) == 2 else state[0]) if initial else None
    y, out = run(layer, x, given, lengths)
    results = {"y": y, **dict(zip(names, out if len(names) == 2 else [out]))}
    weights = {k: torch.randn_like(v) for k, v in results.items()}
    sum((v * weights[k]).sum() for k, v in results.items()).backward()
    kept = {"x": x, **{"out_" + k: v for k, v in results.items()},
            **{"by_" + k: v for k, v in weights.items()}, "grad_x": x.grad}
    for k, v in zip(names, state if initial else []):
        kept.update({k + "0": v, "grad_" + k + "0": v.grad})
    for k, v in layer.named_parameters():
        kept.update({"param_" + k: v, "grad_" + k: v.grad})
    if lengths is not None:
        kept["lengths"] = torch.tensor(lengths)
    return kept


def main():
    torch.manual_seed(20)
    arrays = {}
    for name, arguments in CASES.items():
        for key, value in case(*arguments).items():
            arrays[name + "." + key] = value.detach().numpy()
    path = pathlib.Path(__file__).with_suffix(".npz")
    numpy.savez_compressed(path, **arrays)
    print(path, path.stat().st_size)


main()
