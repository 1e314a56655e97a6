"""Makes the three tiny translation models of this folder, and what Hugging Face's own code computes with them.

    python3 -m venv .venv && .venv/bin/pip install torch==2.15.0 transformers==5.24.0 sentencepiece==0.2.3
    .venv/bin/python make.py

The weights are random, by a fixed seed: they translate nothing. The files have the names and forms of the hub.
"""

import json
import pathlib
import shutil
import tempfile

import sentencepiece
import torch
from transformers import (
    GenerationConfig,
    M2M100Config,
    M2M100ForConditionalGeneration,
    M2M100Tokenizer,
    MarianConfig,
    MarianMTModel,
    MarianTokenizer,
    NllbTokenizer,
)

torch.set_num_threads(1)
HERE = pathlib.Path(__file__).parent
ENGLISH = """The ducks dive at dawn in the shallow water.
We measured the depth of the lake with a long line.
A small network learns the shape of the waves.
The results hold for every lake that we saw.
They swim, they dive and they come up again.
It was cold (two degrees), but the ducks stayed!
Which of the lines is the longest one?"""
GERMAN = """Die Enten tauchen im Morgengrauen im flachen Wasser.
Wir haben die Tiefe des Sees mit einer langen Leine gemessen.
Ein kleines Netz lernt die Form der Wellen.
Die Ergebnisse gelten für jeden See, den wir sahen.
Sie schwimmen, sie tauchen und sie kommen wieder hoch.
Es war kalt (zwei Grad), aber die Enten blieben!
Welche der Leinen ist die längste?"""
# Full-width and compatibility characters as SentencePiece's own rules fold them, in a table that is small.
RULES = "".join(f"{ord(a):X}\t{' '.join(f'{ord(c):X}' for c in b)}\n" for a, b in [("\u3000", " "), ("ﬁ", "fi"), ("Ａ", "A"), ("…", "...")])
TEXTS = [
    "The ducks dive.",
    "  A  long line,\u3000with two   spaces ",
    "We ﬁnd 7 ｗaves … in the Ａ lake!",
    "Zürich 鸭 is </s> unknown <unk>",
    "Which of the ducks swim in the cold water, and which of them dive again?",
]


def pieces(folder, name, corpus, kind, size):
    """Trains a SentencePiece model; its path."""
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        (scratch / "corpus").write_text(corpus * 8)
        (scratch / "rules.tsv").write_text(RULES)
        sentencepiece.SentencePieceTrainer.train(
            input=str(scratch / "corpus"),
            model_prefix=str(scratch / "m"),
            model_type=kind,
            vocab_size=size,
            hard_vocab_limit=False,
            normalization_rule_tsv=str(scratch / "rules.tsv"),
            character_coverage=1.0,
            minloglevel=2,
        )
        shutil.copy(scratch / "m.model", folder / name)
    return sentencepiece.SentencePieceProcessor(str(folder / name))


def all_of(processor):
    return [processor.id_to_piece(i) for i in range(processor.get_piece_size())]


def said(tokenizer, special):
    """The text of ids without those that are no part of it."""
    return lambda ids: tokenizer.decode([at for at in ids if at not in special])


def dimensions(vocab):
    return dict(
        vocab_size=vocab,
        d_model=16,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=4,
        encoder_ffn_dim=24,
        decoder_ffn_dim=32,
        max_position_embeddings=64,
        scale_embedding=True,
        dropout=0.0,
        init_std=0.5,
    )


def moved(model, eos, bias):
    """Norms and biases that are not the initial ones and zeros, and an end that is likely enough to come."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias") or "layer_norm" in name:
                parameter.add_(torch.randn_like(parameter) * 0.2)
        if hasattr(model, "final_logits_bias"):
            model.final_logits_bias.copy_(torch.randn_like(model.final_logits_bias))
            model.final_logits_bias[0, eos] += bias


def expected(model, encode, decode, bos, eos):
    """What comes of each text; none where one does not end."""
    cases = []
    for text in TEXTS:
        ids = encode(text)
        source = torch.tensor([ids])
        case = {"text": text, "ids": ids}
        for name, beams in [("greedy", 1), ("beam", 4)]:
            out = model.generate(
                source,
                generation_config=GenerationConfig(
                    num_beams=beams,
                    max_length=30,
                    do_sample=False,
                    length_penalty=1.0,
                    early_stopping=False,
                    pad_token_id=model.config.pad_token_id,
                    eos_token_id=model.config.eos_token_id,
                    decoder_start_token_id=model.config.decoder_start_token_id,
                    forced_bos_token_id=bos,
                    bad_words_ids=[[model.config.pad_token_id]] if bos is None else None,
                ),
            )[0].tolist()
            if out[-1] != eos or len(out) >= 28:
                return None
            case[name] = out[1:]
            case[name + "_text"] = decode(out)
        forced = torch.tensor([[model.config.decoder_start_token_id] + case["greedy"][:6]])
        logits = model(input_ids=source, decoder_input_ids=forced).logits[0]
        case["logits"] = [[float(f"{value:.7g}") for value in row] for row in logits.tolist()]
        cases.append(case)
    return cases


def differ(cases):
    long = sum(len(case["beam"]) >= 6 for case in cases)
    return long >= 2 and sum(case["greedy"] != case["beam"] for case in cases) >= 2


def seeded(make, encode, decode, bos, eos):
    """The first seed with which every translation ends, and beams find others than greed."""
    for seed in range(2000):
        torch.manual_seed(seed)
        model = make().eval()
        with torch.no_grad():
            cases = expected(model, encode, decode, bos, eos)
        if cases and differ(cases):
            print("seed", seed, [len(case["beam"]) for case in cases])
            return model, cases
    raise SystemExit("no seed does")


def write(folder, cases):
    (folder / "expected.json").write_text(json.dumps(cases, ensure_ascii=False, separators=(",", ":")))


def fresh(name):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def marian():
    folder = fresh("marian")
    source = pieces(folder, "source.spm", ENGLISH, "unigram", 60)
    target = pieces(folder, "target.spm", GERMAN, "unigram", 60)
    names = ["</s>", "<unk>", ">>deu<<"]
    names += [piece for piece in dict.fromkeys(all_of(source) + all_of(target)) if piece not in ("<s>", "</s>", "<unk>")]
    # Real ones lack a few pieces too.
    names.remove("▁lake" if "▁lake" in names else names[-1])
    names.append("<pad>")
    (folder / "vocab.json").write_text(json.dumps({name: at for at, name in enumerate(names)}, ensure_ascii=False))
    pad = len(names) - 1
    config = MarianConfig(
        **dimensions(len(names)),
        activation_function="swish",
        pad_token_id=pad,
        eos_token_id=0,
        decoder_start_token_id=pad,
        forced_eos_token_id=0,
    )
    tokenizer = MarianTokenizer(
        source_spm=str(folder / "source.spm"), target_spm=str(folder / "target.spm"), vocab=str(folder / "vocab.json")
    )

    def make():
        model = MarianMTModel(config)
        moved(model, 0, 2.5)
        return model

    def encode(text):
        # As the tokenizer does, but that no text has special tokens.
        code = tokenizer._tokenize(">>deu<<" + text)
        return [tokenizer._convert_token_to_id(piece) for piece in code] + [0]

    model, cases = seeded(make, encode, said(tokenizer, [0, 1, 2, pad]), None, 0)
    model.save_pretrained(folder)
    (folder / "target.spm").unlink()
    (folder / "generation_config.json").unlink()
    write(folder, cases)


def m2m100():
    folder = fresh("m2m100")
    processor = pieces(folder, "sentencepiece.bpe.model", ENGLISH + "\n" + GERMAN, "bpe", 90)
    names = ["<s>", "<pad>", "</s>", "<unk>"]
    names += [piece for piece in all_of(processor) if piece not in names]
    (folder / "vocab.json").write_text(json.dumps({name: at for at, name in enumerate(names)}, ensure_ascii=False))
    tokenizer = M2M100Tokenizer(
        vocab_file=str(folder / "vocab.json"), spm_file=str(folder / "sentencepiece.bpe.model"), src_lang="en"
    )
    config = M2M100Config(
        **dimensions(len(names) + 100 + 8),
        activation_function="relu",
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        decoder_start_token_id=2,
    )

    def encode(text):
        inside = [tokenizer._convert_token_to_id(piece) for piece in tokenizer._tokenize(text)]
        return [tokenizer.get_lang_id("en"), *inside, 2]

    german = tokenizer.get_lang_id("de")
    model, cases = seeded(
        lambda: scaled(M2M100ForConditionalGeneration(config)),
        encode,
        said(tokenizer, [0, 1, 2, 3, *range(len(names), len(names) + 108)]),
        german,
        2,
    )
    # As the hub has it: no safetensors, but PyTorch's own file.
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    config.save_pretrained(folder)
    write(folder, cases)


def scaled(model):
    moved(model, 2, 0.0)
    with torch.no_grad():
        model.model.shared.weight[2] *= 1.5
    return model


def nllb():
    folder = fresh("nllb")
    processor = pieces(folder, "spm", ENGLISH + "\n" + GERMAN, "bpe", 90)
    names = ["<s>", "<pad>", "</s>", "<unk>"]
    names += [piece for piece in all_of(processor) if piece not in names]
    rank = {piece: at for at, piece in enumerate(names)}
    merges = []
    for piece in all_of(processor)[3:]:
        splits = [(piece[:at], piece[at:]) for at in range(1, len(piece))]
        merges += [pair for pair in splits if pair[0] in rank and pair[1] in rank]
    (folder / "spm").unlink()
    tokenizer = NllbTokenizer(vocab=rank, merges=merges, src_lang="eng_Latn", extra_special_tokens=["eng_Latn", "deu_Latn", "zho_Hans"])
    tokenizer._tokenizer.save(str(folder / "tokenizer.json"))
    config = M2M100Config(
        **dimensions(len(tokenizer)),
        activation_function="gelu",
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        decoder_start_token_id=2,
    )

    def encode(text):
        # A text's `</s>` is no token: what a person writes must not end a source.
        tokenizer._tokenizer.encode_special_tokens = True
        inside = tokenizer._tokenizer.encode(text, add_special_tokens=False).ids
        return [tokenizer.convert_tokens_to_ids("eng_Latn"), *inside, 2]

    model, cases = seeded(
        lambda: scaled(M2M100ForConditionalGeneration(config)),
        encode,
        said(tokenizer, [0, 1, 2, 3, *range(len(names), len(tokenizer))]),
        tokenizer.convert_tokens_to_ids("deu_Latn"),
        2,
    )
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink()
    write(folder, cases)


marian()
m2m100()
nllb()
