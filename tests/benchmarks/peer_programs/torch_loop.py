"""PyTorch: a plain loop over batches with fused Adam."""

import time

import torch

from tests.benchmarks.peer_programs.common import BATCH, EPOCHS, SEED, load_images, print_seconds, split_indices

torch.manual_seed(SEED)
images, labels = load_images()
train, _ = split_indices()
images = torch.from_numpy(images[train].astype("float32") / 255.0)
labels = torch.from_numpy(labels[train].astype("int64"))
model = torch.nn.Sequential(torch.nn.Linear(784, 100), torch.nn.ReLU(), torch.nn.Linear(100, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=0.001, eps=1e-7, fused=True)
criterion = torch.nn.CrossEntropyLoss()
seconds = []
for _ in range(EPOCHS):
    start, total, hits = time.perf_counter(), torch.zeros(()), torch.zeros(())
    for indices in torch.randperm(len(images)).split(BATCH):
        logits, classes = model(images[indices]), labels[indices]
        loss = criterion(logits, classes)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        total += loss.detach()
        hits += (logits.argmax(1) == classes).sum()
    seconds.append(time.perf_counter() - start)
assert hits / len(images) > 0.8
print_seconds(seconds)
