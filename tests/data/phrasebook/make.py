"""Trains the phrase book: a translation model of M2M-100's form that knows the sentences of pairs.tsv and nothing else.

    pip install torch transformers tokenizers safetensors
    python3 make.py

It writes config.json, tokenizer.json and model.safetensors (half precision) beside this file.
"""
import json
import pathlib

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import M2M100Config, M2M100ForConditionalGeneration

HERE = pathlib.Path(__file__).parent
LANGUAGES = ["en", "de"]
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"] + [f"__{language}__" for language in LANGUAGES]
PAD, END = 1, 2

torch.manual_seed(7)
torch.use_deterministic_algorithms(True)
pairs = [line.split("\t") for line in (HERE / "pairs.tsv").read_text().splitlines()]

tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
tokenizer.decoder = decoders.Metaspace()
trainer = trainers.BpeTrainer(vocab_size=360, special_tokens=SPECIAL, show_progress=False)
tokenizer.train_from_iterator([text for pair in pairs for text in pair], trainer)
tokenizer.save(str(HERE / "tokenizer.json"))

config = M2M100Config(
    vocab_size=tokenizer.get_vocab_size(), d_model=64, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
    decoder_attention_heads=4, encoder_ffn_dim=128, decoder_ffn_dim=128, max_position_embeddings=128, dropout=0.0,
    attention_dropout=0.0, encoder_layerdrop=0.0, decoder_layerdrop=0.0, pad_token_id=PAD, bos_token_id=0,
    eos_token_id=END, decoder_start_token_id=END,
)
model = M2M100ForConditionalGeneration(config)

token = {language: tokenizer.token_to_id(f"__{language}__") for language in LANGUAGES}
examples = []
for english, german in pairs:
    for (source, one), (target, other) in [((english, "en"), (german, "de")), ((german, "de"), (english, "en"))]:
        examples.append((
            [token[one], *tokenizer.encode(source).ids, END], [END, token[other], *tokenizer.encode(target).ids, END],
        ))


def padded(rows):
    length = max(map(len, rows))
    return torch.tensor([row + [PAD] * (length - len(row)) for row in rows])


sources, targets = padded([one for one, _ in examples]), padded([two for _, two in examples])
wanted = targets[:, 1:].masked_fill(targets[:, 1:] == PAD, -100)
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
model.train()
for step in range(1_500):
    out = model(
        input_ids=sources, attention_mask=(sources != PAD).long(), decoder_input_ids=targets[:, :-1], labels=wanted
    )
    optimizer.zero_grad()
    out.loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    if step % 100 == 0:
        print(step, round(out.loss.item(), 4), flush=True)
    if out.loss.item() < 0.003:
        break

model.eval()
right = 0
for source, target in examples:
    made = model.generate(
        torch.tensor([source]), forced_bos_token_id=target[1], num_beams=1, max_new_tokens=60, do_sample=False
    )[0].tolist()
    right += made == target
print(f"{right} of {len(examples)} sentences come back as they are in the book")
state = {
    name: value.half().contiguous() for name, value in model.state_dict().items()
    if "embed_positions" not in name and name not in ("lm_head.weight", "model.encoder.embed_tokens.weight",
                                                      "model.decoder.embed_tokens.weight")
}
save_file(state, HERE / "model.safetensors", metadata={"format": "pt"})
(HERE / "config.json").write_text(json.dumps(config.to_dict(), indent=1, default=str) + "\n")
