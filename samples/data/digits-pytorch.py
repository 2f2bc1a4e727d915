# Trains a network on the digits in PyTorch, and keeps it as digits-pytorch.safetensors, with what PyTorch makes of the last 397 digits.
# python3 digits-pytorch.py
import gzip, json, pathlib, struct, torch
from torch import nn

here = pathlib.Path(__file__).parent
digits = torch.tensor([[float(number) for number in line.split(",")] for line in gzip.open(here / "digits.csv.gz", "rt")])
x, y = digits[:, :64] / 16, digits[:, 64].long()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU())
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        return self.head(self.body(x))


torch.manual_seed(0)
model, loss = Net(), nn.CrossEntropyLoss()
adam = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(10):
    for batch in torch.randperm(1400).split(50):
        adam.zero_grad()
        loss(model(x[batch]), y[batch]).backward()
        adam.step()
model.eval()
with torch.no_grad():
    yHat = model(x[1400:])
    said = {"format": "pt", "loss": f"{loss(yHat, y[1400:]):.7f}", "right": f"{(yHat.argmax(1) == y[1400:]).sum()}"}

try:
    from safetensors.torch import save_file
    save_file(model.state_dict(), here / "digits-pytorch.safetensors", metadata=said)
except ImportError:     # the same format by hand: the length of a JSON header, the header, the numbers
    header, data = {"__metadata__": said}, b""
    for name, tensor in sorted(model.state_dict().items(), key=lambda item: (item[1].dtype != torch.int64, item[0])):
        numbers = tensor.contiguous().numpy().tobytes()
        header[name] = {"dtype": {torch.float32: "F32", torch.int64: "I64"}[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(numbers)]}
        data += numbers
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    (here / "digits-pytorch.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
print(said)
