#!/usr/bin/env python3
"""Makes the corrupted-answer suite of the citation guard: make.py SCIFACT WORDNET OUT [documents] [part]

SCIFACT  folder with corpus.jsonl and claims_evidence.train.jsonl
WORDNET  folder with WordNet's data.adj, data.adv, data.noun, data.verb: opposites that the guard's own list does not know
part     0: the half that the guard's thresholds were chosen on; 1: the half in this folder
"""
import collections, json, os, random, re, sys

scifact, wordnet, out = sys.argv[1:4]
count = int(sys.argv[4]) if len(sys.argv) > 4 else 34
part = int(sys.argv[5]) if len(sys.argv) > 5 else 1
rng = random.Random(7)

docs = {}
for line in open(os.path.join(scifact, "corpus.jsonl")):
    doc = json.loads(line)
    docs[doc["_id"]] = doc
claims = [json.loads(line) for line in open(os.path.join(scifact, "claims_evidence.train.jsonl"))]
gold = sorted({e["doc_id"] for c in claims for e in c["evidence"] if e["doc_id"] in docs})
rng.shuffle(gold)
pool = [d for d in gold[part::2] if 700 <= len(docs[d]["text"]) <= 2400][:count]

def split(text):
    return [s for s in re.split(r"(?<=[a-z\)%][.])\s+(?=[A-Z][a-z])", text) if 8 <= len(s.split()) <= 45]

def bag(text):
    return set(w for w in re.findall(r"[a-z]{4,}", text.lower()))

bags = {d: bag(docs[d]["title"] + " " + docs[d]["text"]) for d in pool}
def near(d):
    return sorted((o for o in pool if o != d), key=lambda o: (-len(bags[d] & bags[o]) / len(bags[d] | bags[o]), o))

def antonyms():
    words, raw = {}, []
    for pos in ("adj", "adv", "noun", "verb"):
        for line in open(os.path.join(wordnet, "data." + pos)):
            if line.startswith("  "):
                continue
            f = line.split(" | ")[0].split()
            n = int(f[3], 16)
            own = [f[4 + 2 * i].split("(")[0].lower() for i in range(n)]
            words[(pos, f[0])] = own
            at = 4 + 2 * n
            for p in range(int(f[at])):
                sym, off, kind, st = f[at + 1 + 4 * p: at + 5 + 4 * p]
                if sym == "!":
                    tgt = {"n": "noun", "v": "verb", "a": "adj", "r": "adv", "s": "adj"}[kind]
                    raw.append((own[int(st[:2], 16) - 1], tgt, off, int(st[2:], 16) - 1))
    table = {}
    for word, tgt, off, i in raw:
        other = words[(tgt, off)][i]
        if "_" not in word + other and len(word) > 3:
            table.setdefault(word, other)
    return table
WN = antonyms()
COMMON = {}
for a, b in [p.split() for p in (
             "increased decreased", "increases decreases", "increase decrease", "higher lower", "more less", "improved worsened",
             "improves worsens", "inhibits activates", "inhibited activated", "inhibition activation", "positive negative",
             "positively negatively", "significant insignificant", "significantly insignificantly", "reduced elevated", "reduces raises",
             "better worse", "upregulated downregulated", "promotes prevents", "enhanced diminished", "before after", "high low",
             "induces suppresses", "induced suppressed", "greater smaller", "resistant sensitive", "strong weak", "longer shorter")]:
    COMMON[a], COMMON[b] = b, a

def replace_word(s, table):
    spots = [m for m in re.finditer(r"[A-Za-z]+", s) if m.group().lower() in table]
    if not spots:
        return None
    m = rng.choice(spots)
    new = table[m.group().lower()]
    return s[:m.start()] + (new.capitalize() if m.group()[0].isupper() else new) + s[m.end():]

def wordnet_swap(s):
    table = {}
    for w in re.findall(r"[a-z]{4,}", s):
        if w in COMMON:
            continue
        if w in WN:
            table[w] = WN[w]
        for suffix in ("ed", "d", "s", "ing"):
            base = w[:-len(suffix)]
            for b in (base, base + "e"):
                if w.endswith(suffix) and b in WN and len(b) > 4:
                    o = WN[b]
                    table[w] = (o[:-1] if o.endswith("e") and suffix in ("ed", "ing") else o) + ("ed" if suffix == "d" and not o.endswith("e") else suffix)
    return replace_word(s, table)

NUMBER = re.compile(r"(?<![\w.,\-/])\d+(?:,\d{3})*(?:\.\d+)?(?![\w]|[.,]\d|-[A-Za-z])")
def number_new(s, text):
    spots = list(NUMBER.finditer(s))
    if not spots:
        return None
    m = rng.choice(spots)
    for _ in range(50):
        old = m.group()
        new = list(old)
        at = rng.choice([i for i, c in enumerate(old) if c.isdigit()])
        new[at] = rng.choice([c for c in "123456789" if c != old[at]])
        new = "".join(new)
        if not re.search(r"(?<![\d.])" + re.escape(new) + r"(?![\d])", text) and float(new.replace(",", "")) != 1:
            return s[:m.start()] + new + s[m.end():]
def number_moved(s, text):
    spots = list(NUMBER.finditer(s))
    others = sorted({m.group() for m in NUMBER.finditer(text)})
    for m in rng.sample(spots, len(spots)):
        kin = [n for n in others if n != m.group() and ("." in n) == ("." in m.group()) and len(n) == len(m.group())]
        if kin:
            return s[:m.start()] + rng.choice(kin) + s[m.end():]

AUX = r"\b(is|are|was|were|has|have|had|can|may|could|will|should|does|did|do|must)\b"
def negate(s):
    spots = [m for m in re.finditer(AUX + r"(?= [a-z])(?! (?:not|no)\b)", s)]
    if spots:
        m = rng.choice(spots)
        return s[:m.end()] + (" not" if m.group() != "can" else "not") + s[m.end():]
def affirm(s):
    for a, b in ((r"\b(did|does|do) not ", r"\1 "), (r"\bcannot ", "can "), (r" not ", " "), (r"\bno ", "a "), (r"\bNo ", "A "), (r"\bwithout ", "with "),
                 (r"\b(?:failed|fails|fail) to ", "is able to ")):
        if re.search(a, s):
            return re.sub(a, b, s, count=1)

NAME = re.compile(r"(?<=[a-z,(] )(?:[A-Z][A-Za-z]*\d+[A-Za-z0-9]*|[A-Z]{2,6}|[A-Z][a-z]{4,})(?![\w-])")
names = {d: sorted({m.group() for m in NAME.finditer(docs[d]["text"])}) for d in pool}
def foreign_name(s, sources):
    spots = list(NAME.finditer(s))
    seen = " ".join(docs[d]["title"] + " " + docs[d]["text"] for d in sources).lower()
    other = [n for d in pool if d not in sources for n in names[d] if n.lower() not in seen]
    if spots and other:
        m = rng.choice(spots)
        return s[:m.start()] + rng.choice(other) + s[m.end():]

LEAD = re.compile(r"^(?:However|Furthermore|Moreover|In conclusion|In addition|Additionally|Here|Importantly|Thus|Therefore|Finally|Overall),? |^(?:[A-Z]{5,} )+|"
                  r"^(?:Here,? )?(?:[Ww]e (?:found|show|showed|demonstrate|demonstrated|report|conclude)|(?:Our|These) (?:results|data|findings) (?:show|suggest|demonstrate|indicate)) that ")
def light(s):
    new = re.sub(r" \([^()]*\)", "", s)
    new = LEAD.sub("", LEAD.sub("", new))
    new = re.sub(r"^We ", "The authors ", new)
    new = re.sub(r"\bour\b", "their", new)
    new = new[:1].upper() + new[1:]
    return new if new != s and len(new.split()) >= 6 else None

cases = []
def add(kind, d, sources, s, keep, cites=None):
    if s:
        case = {"class": kind, "gold": pool.index(d), "sources": [pool.index(x) for x in sources], "sentence": s.strip(), "keep": keep}
        if cites:
            case["cites"] = cites
        cases.append(case)

by_doc = collections.defaultdict(list)
for c in claims:
    for label, d in sorted({(e["label"], e["doc_id"]) for e in c["evidence"]}):
        by_doc[d].append((label, c["claim"]))
for d in pool:
    order = near(d)
    sources = [d] + order[:4]
    rng.shuffle(sources)
    text = docs[d]["text"]
    lines = split(text)
    if not lines:
        continue
    pick = lambda: rng.choice(lines)
    add("verbatim", d, sources, pick(), True)
    add("verbatim", d, sources, pick(), True)
    for fun, kind, keep in ((light, "light", True), (lambda s: number_new(s, " ".join(docs[x]["text"] + docs[x]["title"] for x in sources)), "number_new", False),
                            (lambda s: number_moved(s, text), "number_moved", False), (negate, "negation_inserted", False), (affirm, "negation_removed", False),
                            (lambda s: replace_word(s, COMMON), "opposite", False), (wordnet_swap, "opposite_wordnet", False),
                            (lambda s: foreign_name(s, sources), "name_foreign", False)):
        left = {"number_new": 3, "number_moved": 2, "negation_removed": 2}.get(kind, 1)
        for s in rng.sample(lines, len(lines)):
            new = fun(s)
            if left and new and new != s:
                add(kind, d, sources, new, keep)
                left -= 1
    wrong = rng.choice([i for i in range(5) if sources[i] != d]) + 1
    add("citation_foreign", d, sources, re.sub(r"\.$", "", pick()) + f" [{wrong}].", True, "gold")
    add("citation_dangling", d, sources, re.sub(r"\.$", "", pick()) + f" [{rng.randint(6, 40)}].", True, "gold")
    add("foreign_near", d, sources, rng.choice(split(docs[order[5]]["text"]) or [""]), False)
    add("foreign_random", d, sources, rng.choice(split(docs[rng.choice(order[10:])]["text"]) or [""]), False)
    for label, claim in by_doc[d][:3]:
        add("claim_supported" if label == "SUPPORT" else "claim_contradicted", d, sources, claim, label == "SUPPORT")
os.makedirs(out, exist_ok=True)
with open(os.path.join(out, "documents.jsonl"), "w") as f:
    for d in pool:
        f.write(json.dumps({"id": d, "title": docs[d]["title"], "text": docs[d]["text"]}, ensure_ascii=False) + "\n")
with open(os.path.join(out, "cases.jsonl"), "w") as f:
    for c in cases:
        f.write(json.dumps(c, ensure_ascii=False) + "\n")
print(len(pool), len(cases), collections.Counter(c["class"] for c in cases))
