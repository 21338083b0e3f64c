"""What the programs of a comparison compute with (generator.rs), for PyTorch."""
import itertools

import numpy as np
import torch
from torch.nn.functional import cross_entropy


# SplitMix64, whose n-th number needs no earlier one.

def mix(seed, count):
    state = np.uint64(seed) + np.uint64(0x9E3779B97F4A7C15) * np.arange(1, count + 1, dtype=np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        state = (state ^ state >> np.uint64(shift)) * np.uint64(factor)
    return state ^ state >> np.uint64(31)


def uniform(seed, *shape, low=0.0, high=1.0):
    values = (mix(seed, int(np.prod(shape))) >> np.uint64(40)).astype(np.float32) / np.float32(1 << 24)
    return torch.from_numpy(np.asarray(values.reshape(shape) * np.float32(high - low) + np.float32(low)))


def classes(seed, count, of):
    return torch.from_numpy((mix(seed, count) % np.uint64(of)).astype(np.int64))


def batches(samples, width, size):
    noise, prototypes = uniform(1, samples, width), uniform(2, 10, width)
    label = classes(3, samples, 10)
    prototype = prototypes[label]
    x = torch.where(prototype < 0.5, torch.zeros(()), 0.5 * prototype + 0.5 * noise)
    y = torch.where(classes(4, samples, 5) == 0, classes(5, samples, 10), label)
    return [(a.clone(), b.clone()) for a, b in zip(x.split(size), y.split(size))]


def fill(model):
    """Linear and convolutional layers with bias; norms count, but stay as they are."""
    seeds, bound = itertools.count(100), None
    with torch.no_grad():
        for parameter in model.parameters():
            seed = next(seeds)
            if parameter.ndim > 1:
                bound = float(np.float32(parameter[0].numel() ** -0.5))
            elif bound is None:
                continue
            parameter.copy_((uniform(seed, *parameter.shape) * 2 - 1) * bound)
            if parameter.ndim == 1:
                bound = None
    return model


def images(samples, shape, size):
    return [(x.view(-1, *shape), y) for x, y in batches(samples, int(np.prod(shape)), size)]


def stepper(model, optimizer, data):
    def step():
        x, y = next(data)
        optimizer.zero_grad()
        loss = cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step
