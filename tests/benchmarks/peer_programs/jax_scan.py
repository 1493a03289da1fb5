"""JAX: one jitted `lax.scan` trains an epoch; it gathers the batches and computes Adam, loss and accuracy."""

import time
from functools import partial

import jax
import jax.numpy as jnp

from tests.benchmarks.peer_programs.common import BATCH, EPOCHS, SEED, load_images, print_seconds, split_indices

RATE, BETA_1, BETA_2, EPSILON = 0.001, 0.9, 0.999, 1e-7


def draw_glorot_weights(key, rows, columns):
    limit = (6 / (rows + columns)) ** 0.5
    return jax.random.uniform(key, (rows, columns), minval=-limit, maxval=limit)


def compute_loss(weights, x, y):
    hidden = jax.nn.relu(x @ weights["w1"] + weights["b1"])
    logits = hidden @ weights["w2"] + weights["b2"]
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1).mean(), logits


def train_step(images, labels, state, indices):
    weights, m, v, t = state
    x, y = images[indices].astype(jnp.float32) / 255.0, labels[indices]
    (value, logits), gradient = jax.value_and_grad(compute_loss, has_aux=True)(weights, x, y)
    t = t + 1
    rate = RATE * jnp.sqrt(1 - BETA_2**t) / (1 - BETA_1**t)
    m = jax.tree.map(lambda m, g: m + (g - m) * (1 - BETA_1), m, gradient)
    v = jax.tree.map(lambda v, g: v + (g * g - v) * (1 - BETA_2), v, gradient)
    weights = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + EPSILON), weights, m, v)
    return (weights, m, v, t), (value, (logits.argmax(1) == y).mean())


@partial(jax.jit, donate_argnums=0)
def train_epoch(state, images, labels, order):
    state, (losses, hits) = jax.lax.scan(partial(train_step, images, labels), state, order.reshape(-1, BATCH))
    return state, losses.mean(), hits.mean()


images, labels = load_images()
train, _ = split_indices()
images, labels = jnp.asarray(images[train]), jnp.asarray(labels[train].astype("int32"))
first, second = jax.random.split(jax.random.key(SEED))
weights = {
    "w1": draw_glorot_weights(first, 784, 100),
    "b1": jnp.zeros(100),
    "w2": draw_glorot_weights(second, 100, 10),
    "b2": jnp.zeros(10),
}
zeros = jax.tree.map(jnp.zeros_like, weights)
state = (weights, zeros, jax.tree.map(jnp.copy, zeros), jnp.float32(0))
seconds = []
for number in range(EPOCHS):
    start = time.perf_counter()
    order = jax.random.permutation(jax.random.key(number), len(train))
    state, value, accuracy = train_epoch(state, images, labels, order)
    jax.block_until_ready(state)
    seconds.append(time.perf_counter() - start)
assert float(accuracy) > 0.8
print_seconds(seconds)
