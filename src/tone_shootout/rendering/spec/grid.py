"""Expansion of a grid and of input sweeps into chains.

Plans, render keys, manifests and estimates see the chains only.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import PurePosixPath
from typing import Any, Final, get_args

from msgspec import UNSET, structs

from tone_shootout.rendering.media_info import DEFAULT_LIMITS, Limits
from tone_shootout.rendering.spec.document import (
    CabIrSlot,
    CaptureSlot,
    Grid,
    GridCabIr,
    GridCapture,
    PedalSlot,
    SlotLeaf,
    SpecDocument,
    SplitSlot,
    TemplateBlock,
)
from tone_shootout.rendering.spec.leaves import without_splits
from tone_shootout.rendering.spec.pointers import Place, chain_pointer, read_place, template_pointer
from tone_shootout.rendering.spec.schema import (
    Block,
    CabIrBase,
    CabIrBlock,
    CaptureBase,
    CaptureBlock,
    Chain,
    LeafBlock,
    Override,
    PathBase,
    Spec,
    SpecError,
    SplitBlock,
    SplitPath,
)

Entry = str | GridCapture | GridCabIr

AXES: Final = {"pedals": "pedal", "captures": "capture", "cab_irs": "cab_ir"}
"""Lists of a grid, in the order of names, and the types of their places in the template."""
JOINT: Final = ", "
"""What stands between the parts of a chain's name."""
MAX_INPUT_DB: Final = 60.0
"""Largest change of the input of a chain, dB."""
MAX_NAME: Final = 80
"""Length of a chain's name."""
_SLOTS: Final[dict[str, SlotLeaf]] = {"pedals": PedalSlot(), "captures": CaptureSlot(), "cab_irs": CabIrSlot()}
_GRAMMAR: Final = frozenset(get_args(Override))
"""Codes of errors that concern one chain, not one part of several chains."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """The spec of a document, and where its parts stand in the document.

    Attributes:
        spec: the spec: chains of the document, then those of its grid, each at the levels of its sweep, grouped by
            level. If the grid has errors, without its chains; if the sweep has, without its levels.
        errors: errors of the grid and the sweep, or that there are no chains.
    """

    spec: Spec
    errors: tuple[SpecError, ...] = ()
    _first: int = 0
    _grid: Grid | None = None
    _slots: Mapping[Place, tuple[str, SlotLeaf]] = field(default_factory=dict)
    _combinations: tuple[dict[str, int], ...] = ()
    _swept: tuple[int, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether the spec is the document: it has neither a grid nor a sweep."""
        return self._grid is None and not self._swept

    def pointer(self, pointer: str) -> str:
        """Turn a JSON pointer into the spec into one into the document: parts of a grid's chain are its entries."""
        steps = pointer.split("/")[1:]
        if self._swept and steps[:1] == ["chains"] and len(steps) > 1:
            steps[1] = str(self._swept[int(steps[1])])
            pointer = "/".join(["", *steps])
        if self._grid is None or len(steps) < 2 or steps[0] != "chains" or int(steps[1]) < self._first:
            return pointer
        entries = self._combinations[int(steps[1]) - self._first]
        if len(steps) < 4:
            axis = "captures" if "captures" in entries else next(iter(entries))
            return "/grid/allow" if steps[2:] == ["allow"] else f"/grid/{axis}/{entries[axis]}"
        in_template = "/".join(["/grid/template", *steps[3:]])
        place, rest = read_place(steps[3:])
        if place not in self._slots:
            return in_template
        axis, slot = self._slots[place]
        entry, index = getattr(self._grid, axis)[entries[axis]], entries[axis]
        if rest and rest[0] != "file" and not _sets(entry, rest[0]) and _changes(slot, axis, rest[0]):
            return in_template
        return "/".join(["/grid", axis, str(index), *([] if isinstance(entry, str) else rest)])

    def locate(self, errors: Iterable[SpecError]) -> list[SpecError]:
        """Return errors of the spec as errors of the document, each once."""
        found: dict[tuple[str, str, str], SpecError] = {}
        for error in errors:
            pointer, detail = self.pointer(error.pointer), error.detail
            if pointer != error.pointer and error.code in _GRAMMAR:
                detail = f"chain “{self.spec.chains[int(error.pointer.split('/')[2])].name}”: {detail}"
            found[error.code, pointer, detail] = SpecError(error.code, pointer, detail)
        return list(found.values())


def expand(
    document: SpecDocument, *, names: Mapping[str, str] | None = None, limits: Limits = DEFAULT_LIMITS
) -> Expansion:
    """Write the chains of a document's grid out.

    Args:
        document: the document.
        names: names of files, by `file`. Default: the file's name without its suffix.
        limits: limits on the number of chains and segments, checked before any chain is made.

    Returns:
        The spec. Its `errors` have the codes `invalid`, `invalid_grid`, `duplicate_name`, `too_many_chains` and
        `too_many_segments`.
    """
    return sweep(document, _expand_grid(document, names, limits), limits)


def sweep(document: SpecDocument, expansion: Expansion, limits: Limits) -> Expansion:
    """Return an expansion with each chain at its input levels, grouped by level in the order of the sweep.

    Args:
        document: the document.
        expansion: its expansion without levels.
        limits: limits on the number of chains and segments.
    """
    common = [level for each in document.sweep for level in each.input_db]
    chains = expansion.spec.chains
    levels = [list(own) if isinstance(own := chain.input_gain_db, tuple) else common for chain in chains]
    if not any(levels):
        return expansion
    order = list(dict.fromkeys(level for found in levels for level in (found or [0.0])))
    placed = [(level, index) for level in order for index, found in enumerate(levels) if level in (found or [0.0])]
    errors = list(_check_sweep(document, chains, common, len(placed), limits))
    if errors:
        scalar = tuple(structs.replace(chain, input_gain_db=_scalar(chain)) for chain in chains)
        spec = structs.replace(expansion.spec, chains=scalar)
        return replace(expansion, spec=spec, errors=(*expansion.errors, *errors))
    swept = tuple(
        structs.replace(
            chains[index], name=swept_name(chains[index].name, level), input_gain_db=_scalar(chains[index]) + level
        )
        if levels[index]
        else chains[index]
        for level, index in placed
    )
    spec = structs.replace(expansion.spec, chains=swept)
    return replace(expansion, spec=spec, _swept=tuple(index for _, index in placed))


def swept_name(name: str, level_db: float) -> str:
    """Return the name of a chain at a level of a sweep."""
    return f"{name}{JOINT}{level_db + 0.0:+g} dB" if level_db else f"{name}{JOINT}0 dB"


def _scalar(chain: Chain) -> float:
    return 0.0 if isinstance(chain.input_gain_db, tuple) else chain.input_gain_db


def _check_sweep(
    document: SpecDocument, chains: Sequence[Chain], common: Sequence[float], count: int, limits: Limits
) -> Iterator[SpecError]:
    lists = [
        (chain_pointer(index, "input_gain_db"), chain.input_gain_db) for index, chain in enumerate(document.chains)
    ]
    for pointer, found in (("/sweep", tuple(common)), *lists):
        if isinstance(found, tuple) and len(set(found)) < len(found):
            yield SpecError("invalid", pointer, "expected different levels, got one of them twice")
    for index, chain in enumerate(chains):
        own = chain.input_gain_db if isinstance(chain.input_gain_db, tuple) else common
        longest = max((len(swept_name("", level)) for level in own), default=0)
        if len(chain.name) + longest > MAX_NAME:
            detail = f"expected a name of at most {MAX_NAME - longest} characters, because the sweep adds levels to it"
            yield SpecError("invalid", chain_pointer(index, "name"), detail)
        elif any(abs(_scalar(chain) + level) > MAX_INPUT_DB for level in own):
            detail = f"expected at most {MAX_INPUT_DB:g} dB with the levels of the sweep"
            yield SpecError("invalid", chain_pointer(index, "input_gain_db"), detail)
    pointer = "/sweep" if common else "/chains"
    segments = count * len(document.di_tracks)
    if count > limits.chains:
        yield SpecError(
            "too_many_chains", pointer, f"expected at most {limits.chains} chains, got {count} at all levels"
        )
    if segments > limits.segments:
        detail = f"expected at most {limits.segments} segments (DI tracks times chains), got {segments}"
        yield SpecError("too_many_segments", pointer, detail)


def _expand_grid(document: SpecDocument, names: Mapping[str, str] | None, limits: Limits) -> Expansion:
    grid = document.grid
    if grid is None:
        missing = SpecError("invalid", "/chains", "expected at least one chain, or a grid")
        return Expansion(_spec(document, document.chains), () if document.chains else (missing,))
    axes = {axis: entries for axis in AXES if (entries := getattr(grid, axis))}
    template = grid.template if grid.template is not None else tuple(_SLOTS[axis] for axis in axes)
    errors = [*_check_template(axes, template), *_check_size(document, axes, limits)]
    parts: dict[str, list[str]] = {}
    if not errors:
        longest = (MAX_NAME - len(JOINT) * (len(axes) - 1)) // len(axes)
        parts = {axis: [_name_of(entry, names or {}, longest) for entry in axes[axis]] for axis in axes}
        errors = list(_check_names(document, parts))
    if errors:
        return Expansion(_spec(document, document.chains), tuple(errors))
    slots = {place: (axis, block) for place, block in _leaves(template) if (axis := _axis_of(block)) is not None}
    combinations = [dict(zip(axes, each, strict=True)) for each in product(*(range(len(axes[axis])) for axis in axes))]
    chains = tuple(
        Chain(
            name=JOINT.join(parts[axis][index] for axis, index in indices.items()),
            allow=grid.allow,
            blocks=tuple(
                _filled(block, {axis: axes[axis][index] for axis, index in indices.items()}) for block in template
            ),
        )
        for indices in combinations
    )
    return Expansion(
        _spec(document, (*document.chains, *chains)), (), len(document.chains), grid, slots, tuple(combinations)
    )


def _spec(document: SpecDocument, chains: tuple[Chain, ...]) -> Spec:
    fields = {name: getattr(document, name) for name in Spec.__struct_fields__ if name != "chains"}
    return Spec(**fields, chains=chains)


def _check_template(axes: Mapping[str, Sequence[Entry]], template: Sequence[TemplateBlock]) -> Iterator[SpecError]:
    if not axes:
        yield SpecError("invalid_grid", "/grid", "expected `captures`, `cab_irs` or `pedals` to combine")
        return
    found: list[str] = []
    for place, block in _leaves(template):
        axis = _axis_of(block)
        if axis is None:
            continue
        if axis not in axes:
            detail = f"expected `file` here, or `{axis}` in the grid" if axis != "pedals" else "expected `pedals`"
            yield SpecError("invalid_grid", template_pointer(place), detail)
        elif axis in found:
            detail = f"expected one block of the type `{AXES[axis]}` without `file`, this is another"
            yield SpecError("invalid_grid", template_pointer(place), detail)
        found.append(axis)
    for axis in axes:
        if axis not in found:
            detail = f"expected a block of the type `{AXES[axis]}` without `file` for the grid's `{axis}`"
            yield SpecError("invalid_grid", "/grid/template", detail)


def _check_size(document: SpecDocument, axes: Mapping[str, Sequence[Entry]], limits: Limits) -> Iterator[SpecError]:
    counts = [len(entries) for entries in axes.values()]
    chains = len(document.chains) + math.prod(counts)
    sum_of = " + ".join([*([str(len(document.chains))] if document.chains else []), " × ".join(map(str, counts))])
    segments = chains * len(document.di_tracks)
    if chains > limits.chains:
        detail = f"expected at most {limits.chains} chains, got {sum_of} = {chains}"
        yield SpecError("too_many_chains", "/grid", detail)
    if segments > limits.segments:
        detail = f"expected at most {limits.segments} segments (DI tracks times chains), got {segments}"
        yield SpecError("too_many_segments", "/grid", detail)


def _check_names(document: SpecDocument, parts: Mapping[str, Sequence[str]]) -> Iterator[SpecError]:
    is_unique = True
    for axis, names in parts.items():
        for index, name in enumerate(names):
            if name in names[:index]:
                is_unique = False
                detail = f"{axis} {names.index(name) + 1} and {index + 1} are both named “{name}”: set `name`"
                yield SpecError("duplicate_name", f"/grid/{axis}/{index}", detail)
    if not is_unique:
        return
    chains = {chain.name: chain_pointer(number, "name") for number, chain in enumerate(document.chains)}
    for combination in product(*parts.values()):
        name = JOINT.join(combination)
        if len(name) > MAX_NAME:
            axis = max(parts, key=lambda each: max(map(len, parts[each])))
            longest = max(range(len(parts[axis])), key=lambda index: len(parts[axis][index]))
            detail = f"expected names of chains of at most {MAX_NAME} characters, got “{name}”: shorten `name`"
            yield SpecError("invalid", f"/grid/{axis}/{longest}/name", detail)
            return
        if name in chains:
            yield SpecError("duplicate_name", chains[name], f"a chain of the grid is named “{name}” too")
        chains[name] = "/grid"


def _name_of(entry: Entry, names: Mapping[str, str], longest: int) -> str:
    if not isinstance(entry, str) and entry.name is not None:
        return entry.name
    file = entry if isinstance(entry, str) else entry.file
    name = names.get(file) or PurePosixPath(file.replace("\\", "/")).stem
    return "".join(char if char.isprintable() else " " for char in name)[:longest].strip() or "unnamed"


def _leaves(template: Sequence[TemplateBlock]) -> Iterator[tuple[Place, SlotLeaf]]:
    """Return the blocks of a template, in place of each split the blocks of its paths."""
    return ((place, block) for place, block, _ in without_splits(template))


def _axis_of(block: SlotLeaf) -> str | None:
    """Return the list whose entries take the place of a block; None: the block stays."""
    if isinstance(block, PedalSlot):
        return "pedals"
    if isinstance(block, CaptureSlot | CabIrSlot) and block.file is UNSET:
        return "captures" if isinstance(block, CaptureSlot) else "cab_irs"
    return None


def _filled(block: TemplateBlock, entries: Mapping[str, Entry]) -> Block:
    """Return a block of the template with the entries of one chain in their places."""
    if not isinstance(block, SplitSlot):
        return _block(block, entries.get(_axis_of(block) or ""))
    paths = tuple(
        SplitPath(
            **{name: getattr(path, name) for name in PathBase.__struct_fields__},
            blocks=tuple(_block(inner, entries.get(_axis_of(inner) or "")) for inner in path.blocks),
        )
        for path in block.paths
    )
    return SplitBlock(bypass=block.bypass, paths=paths)


def _block(block: SlotLeaf, entry: Entry | None) -> LeafBlock:
    if not isinstance(block, PedalSlot | CaptureSlot | CabIrSlot):
        return block
    base: type[CaptureBase | CabIrBase] = CabIrBase if isinstance(block, CabIrSlot) else CaptureBase
    options: dict[str, Any] = {
        name: getattr(entry if _sets(entry, name) else block, name) for name in base.__struct_fields__
    }
    if entry is None:
        options["file"] = structs.asdict(block)["file"]
    else:
        options["file"] = entry if isinstance(entry, str) else entry.file
    return CabIrBlock(**options) if base is CabIrBase else CaptureBlock(**options)


def _changes(slot: SlotLeaf, axis: str, option: str) -> bool:
    """Return whether a block of the template sets an option to another value than that of a block without options."""
    return bool(getattr(slot, option) != getattr(_SLOTS[axis], option))


def _sets(entry: Entry | None, option: str) -> bool:
    return not (entry is None or isinstance(entry, str)) and getattr(entry, option, UNSET) is not UNSET
