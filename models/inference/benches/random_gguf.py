"""Writes a GGUF of a Qwen3's shape with random weights: how fast a model is does not depend on what it knows.

    python3 random_gguf.py qwen3-4b TOKENIZER_GGUF OUT.gguf

Matrices are Q4_K (the output layer Q6_K), as in the Q4_K_M files, with blocks of random bits and a fixed small scale; the
vocabulary is that of TOKENIZER_GGUF. Needs numpy only.
"""
import struct
import sys

import numpy

# Layers, width, feed-forward width, heads, heads of keys and values, width of a head: the publisher's config.json.
SHAPES = {
    "tiny": (2, 256, 512, 4, 2, 64),
    "qwen3-4b": (36, 2560, 9728, 32, 8, 128),
    "qwen3-14b": (40, 5120, 17408, 40, 8, 128),
}
F32, Q4_K, Q6_K = 0, 12, 14
ALIGNMENT = 32


def text(value):
    value = value.encode()
    return struct.pack("<Q", len(value)) + value


def metadata_of(path):
    """The raw key-value pairs of a GGUF, by key."""
    data = numpy.memmap(path, mode="r")
    sizes = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}

    def u(at, form):
        return struct.unpack_from(form, data, at)[0]

    def skip(at, kind):
        if kind == 8:
            return at + 8 + u(at, "<Q")
        if kind == 9:
            inner, count, at = u(at, "<I"), u(at + 4, "<Q"), at + 12
            if inner != 8:
                return at + sizes[inner] * count
            for _ in range(count):
                at = skip(at, 8)
            return at
        return at + sizes[kind]

    pairs, at = {}, 24
    for _ in range(u(16, "<Q")):
        length = u(at, "<Q")
        key = bytes(data[at + 8 : at + 8 + length]).decode()
        start = at + 8 + length
        at = skip(start + 4, u(start, "<I"))
        pairs[key] = bytes(data[start:at])
    return pairs


def blocks(kind, count, random):
    """`count` weights as bytes."""
    if kind == F32:
        return numpy.ones(count, dtype="<f4").tobytes()
    size, scales = (144, (0, 2)) if kind == Q4_K else (210, (208,))
    made = random.integers(0, 256, (count // 256, size), dtype=numpy.uint8)
    small = numpy.frombuffer(numpy.float16(2e-5 if kind == Q4_K else 1e-5).tobytes(), dtype=numpy.uint8)
    for at in scales:
        made[:, at : at + 2] = small
    return made.tobytes()


def main(shape, vocabulary, out):
    layers, width, inner, heads, kv_heads, head = SHAPES[shape]
    pairs = {key: value for key, value in metadata_of(vocabulary).items() if key.startswith("tokenizer.")}
    words = struct.unpack_from("<Q", pairs["tokenizer.ggml.tokens"], 8)[0]
    pairs["general.architecture"] = struct.pack("<I", 8) + text("qwen3")
    numbers = {
        "block_count": layers, "embedding_length": width, "feed_forward_length": inner, "context_length": 32768,
        "attention.head_count": heads, "attention.head_count_kv": kv_heads, "attention.key_length": head,
        "attention.value_length": head,
    }
    for key, value in numbers.items():
        pairs[f"qwen3.{key}"] = struct.pack("<II", 4, value)
    pairs["qwen3.rope.freq_base"] = struct.pack("<If", 6, 1e6)
    pairs["qwen3.attention.layer_norm_rms_epsilon"] = struct.pack("<If", 6, 1e-6)

    tensors = [("token_embd.weight", Q4_K, (width, words)), ("output_norm.weight", F32, (width,)),
               ("output.weight", Q6_K, (width, words))]
    for layer in range(layers):
        name = f"blk.{layer}."
        tensors += [
            (name + "attn_norm.weight", F32, (width,)), (name + "ffn_norm.weight", F32, (width,)),
            (name + "attn_q_norm.weight", F32, (head,)), (name + "attn_k_norm.weight", F32, (head,)),
            (name + "attn_q.weight", Q4_K, (width, heads * head)), (name + "attn_k.weight", Q4_K, (width, kv_heads * head)),
            (name + "attn_v.weight", Q4_K, (width, kv_heads * head)),
            (name + "attn_output.weight", Q4_K, (heads * head, width)),
            (name + "ffn_gate.weight", Q4_K, (width, inner)), (name + "ffn_up.weight", Q4_K, (width, inner)),
            (name + "ffn_down.weight", Q4_K, (inner, width)),
        ]
    sizes = {F32: (1, 4), Q4_K: (256, 144), Q6_K: (256, 210)}
    head_bytes = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs))
    head_bytes += b"".join(text(key) + value for key, value in pairs.items())
    offset = 0
    for name, kind, dims in tensors:
        head_bytes += text(name) + struct.pack("<I", len(dims)) + struct.pack(f"<{len(dims)}Q", *dims)
        head_bytes += struct.pack("<IQ", kind, offset)
        each, size = sizes[kind]
        length = int(numpy.prod(dims)) // each * size
        offset += length + -length % ALIGNMENT
    random = numpy.random.default_rng(0)
    with open(out, "wb") as file:
        file.write(head_bytes + b"\0" * (-len(head_bytes) % ALIGNMENT))
        for _, kind, dims in tensors:
            made = blocks(kind, int(numpy.prod(dims)), random)
            file.write(made + b"\0" * (-len(made) % ALIGNMENT))


if __name__ == "__main__":
    main(*sys.argv[1:])
