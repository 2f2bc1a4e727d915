# Opens a checkpoint of the walkthrough's GPT in PyTorch, by name, and writes the likeliest words with it:
#   dotnet run --project src/Backprop.Walkthrough -- text --epochs 1 --save words.safetensors --temperature 0 --write 1 --start th
#   python3 src/Backprop.Walkthrough/gpt.py words.safetensors th
import json, math, struct, sys
import torch
from torch import nn

HEADS, END = 4, 0


class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.c_attn, self.c_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):                                               # steps x width
        q, k, v = (part.unflatten(-1, (HEADS, -1)).transpose(0, 1) for part in self.c_attn(x).chunk(3, -1))
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        later = torch.ones(len(x), len(x), dtype=torch.bool).triu(1)
        return self.c_proj((scores.masked_fill(later, -math.inf).softmax(-1) @ v).transpose(0, 1).flatten(1))


class Mlp(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.c_fc, self.c_proj = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        a = self.c_fc(x)
        return self.c_proj(0.5 * a * (1 + torch.tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * a ** 3))))


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.ln_1, self.attn, self.ln_2, self.mlp = nn.LayerNorm(width), Attention(width), nn.LayerNorm(width), Mlp(width)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class Gpt(nn.Module):
    def __init__(self, vocabulary, steps, width, layers):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocabulary, width), nn.Embedding(steps, width)
        self.h = nn.ModuleList(Block(width) for _ in range(layers))
        self.ln_f, self.lm_head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)
        self.lm_head.weight = self.wte.weight                           # the same table, read the other way

    def forward(self, characters):
        x = self.wte(characters) + self.wpe.weight[:len(characters)]
        for block in self.h:
            x = block(x)
        return self.lm_head(self.ln_f(x))


def tensors(path):
    """The model's tensors of a safetensors file: the length of a JSON header, the header, the numbers."""
    data = open(path, "rb").read()
    end = 8 + struct.unpack("<Q", data[:8])[0]
    types = {"F32": torch.float32, "F64": torch.float64}
    for name, entry in json.loads(data[8:end]).items():
        if name.startswith("model.") and entry["dtype"] in types:
            first, last = entry["data_offsets"]
            yield name[len("model."):], torch.frombuffer(bytearray(data[end + first:end + last]), dtype=types[entry["dtype"]]).reshape(entry["shape"])


state = dict(tensors(sys.argv[1]))
vocabulary, width = state["wte.weight"].shape
steps = len(state["wpe.weight"])
model = Gpt(vocabulary, steps, width, layers=sum(name.endswith(".ln_1.weight") for name in state)).to(state["wte.weight"].dtype)
model.load_state_dict(state)                                            # strict: every name, and no other
for start in sys.argv[2:] or [""]:
    characters = [END] + [ord(letter) - ord("a") + 1 for letter in start]
    with torch.no_grad():
        while len(characters) < steps and (len(characters) == 1 + len(start) or characters[-1] != END):
            characters.append(int(model(torch.tensor(characters))[-1].argmax()))
    print("".join(chr(ord("a") + character - 1) for character in characters[1:] if character != END))
