// The explorer: a convolution layer as its matrix, with kernel, input and output, linked.
//
// Part 1 is all that is known of convolutions here: a table, which tests compare with convmatrix.core.axis. Part 2
// finds what belongs together in it, part 3 says so in templates that Python wrote into the page. All else draws.

// == 1. the table ==

export const MODES = ["zeros", "reflect", "replicate", "circular", "symmetric"];
export const NAMES = ["valid", "full", "half", "causal", "anticausal", "same", "same_lower"];
const NUMBERS = ["input_size", "kernel_size", "stride", "dilation", "input_dilation"];
const MOST_READS = 2e6; // pairs of output and tap on one axis that are walked through to count entries

/** Settings that make no layer; the message is Python's. */
export class Refusal extends Error {}

/** A template with its {names} filled in. */
export function fill(template, values) {
	return template.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/**
 * The one function that knows what a convolution is: sizes, and every entry of the matrix with its taps, row by row.
 * Settings are those of a layer, one entry for each axis; `drawn` says what is too large, and then `cells` is null.
 */
export function layerTable(settings, sentences, drawn) {
	const { axes, padding, outputPadding } = resolve(settings, new Speaker(sentences, drawn.number));
	const { transposed, groups, in_channels: inChannels, out_channels: outChannels } = settings;
	const places = axes.map((axis) => axis.inputSize);
	const windows = axes.map((axis) => axis.outputs);
	const placeChannels = transposed ? outChannels : inChannels;
	const windowChannels = transposed ? inChannels : outChannels;
	const table = {
		transposed, groups, axes, padding, outputPadding,
		mode: settings.padding_mode,
		kernel: axes.map((axis) => axis.kernelSize),
		// The forward convolution's two sides: what its windows lie on, and what they give.
		placeShape: [placeChannels, ...places],
		windowShape: [windowChannels, ...windows],
		perGroup: placeChannels / groups,
		weightShape: [windowChannels, placeChannels / groups, ...axes.map((axis) => axis.kernelSize)],
	};
	table.outputShape = transposed ? table.placeShape : table.windowShape;
	table.inputShape = transposed ? table.windowShape : table.placeShape;
	table.rows = product(table.outputShape);
	table.cols = product(table.inputShape);
	const walkable = axes.every((axis) => axis.outputs * axis.kernelSize <= MOST_READS && axis.inputSize <= MOST_READS);
	const patterns = walkable ? axes.map((axis) => pattern(axis, transposed)) : null;
	table.nnz = patterns && product(patterns.map((rows) => rows.reduce((sum, row) => sum + row.length, 0)))
		* (outChannels * inChannels) / groups;
	const framed = axes.map(({ stretched, before, after }) => stretched + Math.max(before, 0) + Math.max(after, 0));
	const area = placeChannels * product(framed);
	const fits = walkable && table.nnz <= drawn.entries && Math.max(area, table.rows, table.cols) <= drawn.places;
	table.cells = fits ? assemble(table, patterns) : null;
	return table;
}

/** What one position of the endlessly extended axis holds: an input's index, or -1 for a zero. */
export function source(axis, position) {
	const n = axis.inputSize;
	if (axis.mode === "zeros") {
		const index = Math.floor(position / axis.inputDilation);
		return index * axis.inputDilation === position && index >= 0 && index < n ? index : -1;
	}
	if (axis.mode === "circular") return modulo(position, n);
	if (axis.mode === "replicate" || n === 1) return Math.min(Math.max(position, 0), n - 1);
	const [period, mirror] = axis.mode === "symmetric" ? [2 * n, 1] : [2 * n - 2, 0];
	const folded = modulo(position, period);
	return folded < n ? folded : period - mirror - folded;
}

/** The position that a tap of an output looks at. */
const position = (axis, output, tap) => output * axis.stride + tap * axis.dilation - axis.before;

/** One axis: for each row, its entries {index, taps} in the order of their index. */
function pattern(axis, transposed) {
	const rows = times(transposed ? axis.inputSize : axis.outputs, () => new Map());
	for (let output = 0; output < axis.outputs; output++) {
		for (let tap = 0; tap < axis.kernelSize; tap++) {
			const input = source(axis, position(axis, output, tap));
			if (input < 0) continue;
			const row = rows[transposed ? input : output];
			const index = transposed ? output : input;
			if (row.has(index)) row.get(index).push(tap);
			else row.set(index, [tap]);
		}
	}
	return rows.map((row) => [...row].map(([index, taps]) => ({ index, taps })).sort((a, b) => a.index - b.index));
}

/** The axes together, as a Kronecker product: indices and taps combine in C order. */
function combine(outer, inner, width, taps) {
	const joined = (a, b) => ({
		index: a.index * width + b.index,
		taps: a.taps.flatMap((first) => b.taps.map((second) => first * taps + second)),
	});
	return outer.flatMap((a) => inner.map((b) => a.flatMap((left) => b.map((right) => joined(left, right)))));
}

/** All axes, channels and groups: the matrix as compressed rows, and for each entry the flat weights it sums. */
function assemble(table, patterns) {
	const widths = table.inputShape.slice(1);
	const area = product(widths);
	const taps = product(table.kernel);
	let rows = patterns[0];
	for (let axis = 1; axis < patterns.length; axis++) {
		rows = combine(rows, patterns[axis], widths[axis], table.kernel[axis]);
	}
	const inPerGroup = table.inputShape[0] / table.groups;
	const outPerGroup = table.outputShape[0] / table.groups;
	const cells = { indptr: new Int32Array(table.rows + 1), indices: new Int32Array(table.nnz), tapptr: [0], taps: [] };
	let row = 0;
	let cell = 0;
	for (let out = 0; out < table.outputShape[0]; out++) {
		const first = Math.floor(out / outPerGroup) * inPerGroup;
		for (const entries of rows) {
			for (let into = first; into < first + inPerGroup; into++) {
				const [window, place] = table.transposed ? [into, out] : [out, into];
				const weight = (window * table.perGroup + (place % table.perGroup)) * taps;
				for (const entry of entries) {
					cells.indices[cell++] = into * area + entry.index;
					for (const tap of entry.taps) cells.taps.push(weight + tap);
					cells.tapptr.push(cells.taps.length);
				}
			}
			cells.indptr[++row] = cell;
		}
	}
	return cells;
}

// -- settings: resolved, or refused in the order in which Python checks them --

/** Numbers as they are typed, to numbers; and the sentences that refuse them. */
class Speaker {
	constructor(sentences, most) {
		Object.assign(this, { sentences, most });
	}

	say(key, values) {
		return fill(this.sentences[key], values);
	}

	refusal(key, values) {
		return new Refusal(this.say(key, values));
	}

	integer(where, value) {
		if (Number.isInteger(value)) {
			if (Math.abs(value) > this.most) throw this.refusal("number_large", { where, value, most: this.most });
			return value;
		}
		const number = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(value) ? Number(value) : NaN;
		const whole = Number.isInteger(number);
		const text = Number.isNaN(number) ? `'${value}'` : whole ? `${number}.0` : String(number);
		const remedy = whole ? this.say("write", { number }) : "";
		throw this.refusal("no_integer", { where, value: text, kind: Number.isNaN(number) ? "str" : "float", remedy });
	}

	perAxis(name, values, least) {
		return values.map((value, axis) => {
			const where = this.say("where", { name, axis });
			const number = this.integer(where, value);
			if (number < least) throw this.refusal("too_small", { where, least, value: number });
			return number;
		});
	}

	padding(entry, axis) {
		if (typeof entry === "string") {
			if (!NAMES.includes(entry)) {
				throw this.refusal("unknown_word", { name: "padding", word: entry, known: NAMES.join(", ") });
			}
			return entry;
		}
		const where = (end) => this.say("where_end", { name: "padding", axis, end });
		return [this.integer(where("before"), entry[0]), this.integer(where("after"), entry[1])];
	}
}

function resolve(settings, speaker) {
	const numbers = NUMBERS.map((name) => speaker.perAxis(name, settings[name], 1));
	const mode = settings.padding_mode;
	if (!MODES.includes(mode)) {
		throw speaker.refusal("unknown_word", { name: "padding_mode", word: mode, known: MODES.join(", ") });
	}
	const axes = settings.input_size.map((_, axis) => {
		const [i, k, s, d, a] = numbers.map((column) => column[axis]);
		return { axis, i, k, s, d, a, mode, span: d * (k - 1) + 1 };
	});
	const pads = settings.padding.map((entry, axis) => speaker.padding(entry, axis));
	axes.forEach((axis) => checkInputDilation(axis, pads[axis.axis], speaker));
	if (!settings.transposed) {
		const padding = axes.map((axis) => forwardPadding(axis, pads[axis.axis], speaker));
		const outputPadding = axes.map(() => 0);
		return { axes: axes.map((axis, n) => sized(axis, axis.i, ...padding[n])), padding, outputPadding };
	}
	const extra = speaker.perAxis("output_padding", settings.output_padding, 0);
	const resolved = axes.map((axis) => transposedPadding(axis, pads[axis.axis], extra[axis.axis], speaker));
	return {
		// An output_padding of a stride or more would give the forward convolution more outputs than this layer's inputs.
		axes: axes.map((axis, n) => {
			const { pair, op, size } = resolved[n];
			return sized(axis, size, pair[0], pair[1] - (op >= axis.s ? op : 0));
		}),
		padding: resolved.map(({ pair }) => pair),
		outputPadding: resolved.map(({ op }) => op),
	};
}

/** An axis of the forward convolution with all its sizes. */
function sized({ k, s, d, a, mode, span }, inputSize, before, after) {
	const stretched = (inputSize - 1) * a + 1;
	const padded = stretched + before + after;
	return {
		inputSize, kernelSize: k, stride: s, dilation: d, inputDilation: a, mode, span, before, after, stretched, padded,
		outputs: Math.floor((padded - span) / s) + 1,
		leftover: modulo(padded - span, s),
	};
}

function checkInputDilation({ axis, a, mode }, pad, speaker) {
	if (a === 1) return;
	if (mode !== "zeros") throw speaker.refusal("spread_and_mode", { a, axis, mode });
	if (/^same/.test(pad)) throw speaker.refusal("spread_and_same", { pad, a, axis });
}

function splitSame(total, lower) {
	const small = Math.floor(total / 2);
	return lower ? [total - small, small] : [small, total - small];
}

function namedPadding(name, { span, s }, size) {
	const [most, half] = [span - 1, Math.floor(span / 2)];
	const pads = { valid: [0, 0], full: [most, most], half: [half, half], causal: [most, 0], anticausal: [0, most] };
	const outputs = Math.ceil(size / s);
	return pads[name] ?? splitSame(Math.max((outputs - 1) * s + span - size, 0), name === "same_lower");
}

function forwardPadding(axis, pad, speaker) {
	const { i, k, d, a, span } = axis;
	const [before, after] = typeof pad === "string" ? namedPadding(pad, axis, i) : pad;
	const padded = (i - 1) * a + 1 + before + after;
	if (span > padded) {
		const stretched = speaker.say(a === 1 ? "stretched_one" : "stretched", { a, i });
		const missing = span - padded;
		throw speaker.refusal("no_fit", { axis: axis.axis, span, d, k, padded, stretched, before, after, missing });
	}
	return [before, after];
}

function transposedPadding(axis, pad, op, speaker) {
	const { i, k, s, d, a, span } = axis;
	if (op && ["valid", "anticausal", "same", "same_lower"].includes(pad)) {
		throw speaker.refusal("beside", { op, axis: axis.axis, pad });
	}
	const spare = Math.max(s - span, 0);
	let pair = pad;
	if (pad === "same" || pad === "same_lower") {
		pair = splitSame(Math.max(span - s, 0), pad === "same_lower");
		op = spare;
	} else if (typeof pad === "string") {
		pair = namedPadding(pad, axis, i);
		if (pad === "valid") op = spare;
		if (pad === "anticausal") op = s - 1;
	}
	const [before, after] = pair;
	const most = Math.max(s, d);
	if (op >= most) throw speaker.refusal("op_too_large", { op, axis: axis.axis, s, d, most });
	const base = (i - 1) * s + span - before - after;
	const stretched = base + op;
	const positions = speaker.say("positions", { i, s, d, k, before, after, op });
	if (stretched < 1) {
		throw speaker.refusal("empty", { axis: axis.axis, stretched, positions, missing: 1 - stretched });
	}
	if ((stretched - 1) % a) {
		const fits = [...Array(most).keys()].find((n) => base + n >= 1 && (base + n - 1) % a === 0);
		const decided = ["valid", "anticausal"].includes(pad) ? `would_fit_${pad}` : "would_fit";
		const remedy = speaker.say(fits === undefined ? "none_fits" : decided, { op: fits, most, before, after });
		throw speaker.refusal("between", { axis: axis.axis, stretched, positions, a, remedy });
	}
	return { pair, op, size: (stretched - 1) / a + 1 };
}

/** [number or null, formula, arithmetic, note] of the size of one axis, from Python's table. */
export function stated(table, number, rows) {
	const { kernelSize: k, span, stride: s, dilation: d, inputDilation: a } = table.axes[number];
	const [p, after] = table.padding[number];
	const op = table.outputPadding[number];
	const [i, o] = [table.inputShape[number + 1], table.outputShape[number + 1]];
	const values = { i, o, k, k_e: span, s, p, d, a, op, before: p, after };
	const facts = {
		transposed: table.transposed,
		general: a > 1 || p !== after || p < 0 || (op > 0 && op >= s),
		dilated: d > 1,
		strided: s > 1,
		extra: op > 0,
		padding: p === 0 ? "none" : p === span - 1 ? "full" : 2 * p === span - 1 ? "half" : "other",
	};
	const row = rows.find(({ when }) => Object.entries(when).every(([name, fact]) => facts[name] === fact));
	return [row.number, row.formula, fill(row.arithmetic, values), fill(row.note, values)];
}

function modulo(a, n) {
	return ((a % n) + n) % n;
}

/** The results of a function for 0, 1, ... */
function times(count, call) {
	return Array.from({ length: count }, (_, n) => call(n));
}

function product(numbers) {
	return numbers.reduce((result, number) => result * number, 1);
}

function unravel(flat, shape) {
	const index = [];
	for (let axis = shape.length - 1; axis >= 0; axis--) {
		index.unshift(flat % shape[axis]);
		flat = Math.floor(flat / shape[axis]);
	}
	return index;
}

function ravel(index, shape) {
	return index.reduce((flat, number, axis) => flat * shape[axis] + number, 0);
}

function* everyIndex(shape) {
	for (let flat = 0, count = product(shape); flat < count; flat++) yield unravel(flat, shape);
}

// == 2. what belongs together ==

/**
 * The links of a table. A choice is {row, col, tap, place}, each null or a number; what is lit has the entries, the
 * taps, and marks {tile, index, tap} on the two maps of the forward convolution: the places that windows lie on,
 * counted from the corner of the padding, and the windows themselves.
 */
export class Links {
	constructor(table) {
		this.table = table;
		const { indptr, indices } = table.cells;
		this.rowOf = new Int32Array(indices.length);
		for (let row = 0; row < table.rows; row++) this.rowOf.fill(row, indptr[row], indptr[row + 1]);
		this.frame = table.axes.map((axis) => {
			const low = -Math.max(axis.before, 0);
			return { low, size: axis.stretched + Math.max(axis.after, 0) - low };
		});
		this.frameShape = this.frame.map(({ size }) => size);
		this.taps = product(table.kernel);
	}

	rowEntries(row) {
		const { indptr } = this.table.cells;
		return times(indptr[row + 1] - indptr[row], (n) => indptr[row] + n);
	}

	/** Entries of a column, from lists that are made when a column is first asked for. */
	colEntries(col) {
		if (!this.columns) {
			this.columns = times(this.table.cols, () => []);
			this.table.cells.indices.forEach((of, entry) => this.columns[of].push(entry));
		}
		return this.columns[col];
	}

	tapEntries(tap) {
		const { tapptr, taps } = this.table.cells;
		const found = [];
		for (let entry = 0; entry < this.rowOf.length; entry++) {
			for (let n = tapptr[entry]; n < tapptr[entry + 1]; n++) if (taps[n] === tap) found.push(entry);
		}
		return found;
	}

	tapsOf(entry) {
		const { tapptr, taps } = this.table.cells;
		return taps.slice(tapptr[entry], tapptr[entry + 1]);
	}

	/** The kernel position of an entry's first tap: what its colour follows. */
	colourOf(entry) {
		return this.table.cells.taps[this.table.cells.tapptr[entry]] % this.taps;
	}

	/** What one choice lights up. */
	lit(choice) {
		const { row, col, tap } = choice;
		const [window, place] = this.table.transposed ? [col, row] : [row, col];
		const lit = { row, col, entries: [], taps: [] };
		for (const list of ["marks", "windows", "frames", "chosenPlaces", "chosenWindows"]) lit[list] = [];
		if (tap !== null) return this.litByTap(tap, lit);
		if (choice.place !== null) lit.chosenPlaces.push(this.placeOf(choice.place));
		if (row !== null) lit.entries = this.rowEntries(row);
		else if (col !== null) lit.entries = this.colEntries(col);
		if (row !== null && col !== null) {
			lit.entries = lit.entries.filter((entry) => this.table.cells.indices[entry] === col);
		}
		lit.taps = [...new Set(lit.entries.flatMap((entry) => this.tapsOf(entry)))];
		if (window !== null) this.lightWindow(window, place, lit);
		if (place !== null) this.lightPlace(place, window === null, lit);
		return lit;
	}

	/** A window: its frame on the places, and what its taps look at; with a place, only the taps that read it. */
	lightWindow(window, place, lit) {
		const { table } = this;
		const [channel, ...output] = unravel(window, table.windowShape);
		const group = Math.floor(channel / (table.windowShape[0] / table.groups));
		lit.chosenWindows.push({ tile: channel, index: output });
		const low = table.axes.map((axis, n) => position(axis, output[n], 0) - this.frame[n].low);
		for (let part = 0; part < table.perGroup; part++) {
			const tile = group * table.perGroup + part;
			lit.frames.push({ tile, index: low, size: table.axes.map((axis) => axis.span) });
			for (const [tap, index] of [...everyIndex(table.kernel)].entries()) {
				const at = table.axes.map((axis, n) => position(axis, output[n], index[n]));
				if (place !== null && this.sourceAt(tile, at) !== place) continue;
				const weight = (channel * table.perGroup + part) * this.taps + tap;
				lit.marks.push({ tile, index: at.map((p, n) => p - this.frame[n].low), tap: weight });
			}
		}
	}

	/** A place and its copies in the border; alone, the windows that read it. */
	lightPlace(place, alone, lit) {
		const [tile, ...input] = unravel(place, this.table.placeShape);
		const copies = this.table.axes.map((axis, n) => {
			const { low, size } = this.frame[n];
			return times(size, (p) => p).filter((p) => source(axis, p + low) === input[n]);
		});
		const all = copies.reduce((heads, tails) => heads.flatMap((head) => tails.map((tail) => [...head, tail])), [[]]);
		lit.chosenPlaces.push(...all.map((index) => ({ tile, index })));
		if (alone) this.markWindows(lit.entries, () => true, lit);
	}

	litByTap(tap, lit) {
		const { table } = this;
		const [channel, part] = unravel(Math.floor(tap / this.taps), table.weightShape.slice(0, 2));
		const index = unravel(tap % this.taps, table.kernel);
		const tile = Math.floor(channel / (table.windowShape[0] / table.groups)) * table.perGroup + part;
		lit.entries = this.tapEntries(tap);
		lit.taps = [tap];
		for (const output of everyIndex(table.windowShape.slice(1))) {
			const at = table.axes.map((axis, n) => position(axis, output[n], index[n]) - this.frame[n].low);
			lit.marks.push({ tile, index: at, tap });
		}
		this.markWindows(lit.entries, (one) => one === tap, lit);
		return lit;
	}

	markWindows(entries, wanted, lit) {
		const windows = this.table.transposed ? this.table.cells.indices : this.rowOf;
		for (const entry of entries) {
			const [tile, ...index] = unravel(windows[entry], this.table.windowShape);
			lit.windows.push({ tile, index, tap: this.tapsOf(entry).find(wanted) });
		}
	}

	/** The place, as a row or column, that a position of a channel holds; -1 for a zero. */
	sourceAt(tile, at) {
		const index = this.table.axes.map((axis, n) => source(axis, at[n]));
		return index.includes(-1) ? -1 : ravel([tile, ...index], this.table.placeShape);
	}

	/** A place of the frame by its number, counted through all channels. */
	placeOf(number) {
		const [tile, ...index] = unravel(number, [this.table.placeShape[0], ...this.frameShape]);
		return { tile, index };
	}

	/** What a place of the frame is: an input ("real"), one repeated in the border ("copy"), or a zero. */
	kindAt(tile, index) {
		const at = index.map((p, n) => p + this.frame[n].low);
		const { axes } = this.table;
		const inside = axes.every((axis, n) => at[n] >= 0 && at[n] < axis.stretched);
		const held = this.sourceAt(tile, at);
		if (held < 0) return { kind: inside ? "inserted" : "padding", held, at };
		const seen = axes.every((axis, n) => at[n] >= -axis.before && at[n] < axis.stretched + axis.after);
		return { kind: inside ? (seen ? "real" : "unseen") : "copy", held, at };
	}
}

// == 3. words ==

const joined = (index, sizes) => index.join(sizes.length > 1 && Math.max(...sizes) > 10 ? "," : "");

/** Name of an output or input, such as x23; its channel stands before a point where there are several. */
export function placeName(letter, shape, flat) {
	const [channel, ...index] = unravel(flat, shape);
	const name = joined(index, shape.slice(1));
	return letter + (shape[0] === 1 ? name : `${channel}.${name}`);
}

/** Name of a weight, such as w12. */
export function tapName(shape, tap) {
	const index = unravel(tap, shape);
	const name = joined(index.slice(2), shape.slice(2));
	return "w" + (shape[0] === 1 && shape[1] === 1 ? name : `${joined(index.slice(0, 2), shape.slice(0, 2))}.${name}`);
}

/** A number as Python writes it with three digits. */
export function numberText(value, whole) {
	if (whole || value === 0) return String(value);
	const exponent = Number(value.toExponential(2).split("e")[1]);
	if (exponent >= -4 && exponent < 3) return String(Number(value.toPrecision(3)));
	const digits = String(Number(value.toExponential(2).split("e")[0]));
	return `${digits}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

/** Labels, values and sentences of one table. */
export class Words {
	constructor(spec, table, links) {
		Object.assign(this, { sentences: spec.sentences, relationships: spec.relationships, table, links });
		const { weight } = spec;
		this.weight = weight && allAlike([weight.shape, table.weightShape]) ? weight : null;
		this.matrix = table.transposed ? "Cᵀ" : "C";
	}

	say(key, values = {}) {
		return fill(this.sentences[key], { matrix: this.matrix, ...values });
	}

	tap(tap) {
		return tapName(this.table.weightShape, tap);
	}

	label(entry) {
		return this.links.tapsOf(entry).map((tap) => this.tap(tap)).join("+");
	}

	/** The value of the sum of some weights, or null where the page has no values for this kernel. */
	value(taps) {
		if (!this.weight) return null;
		const { texts, numbers, whole, any } = this.weight;
		if (taps.length === 1) return texts[taps[0]];
		const found = taps.map((tap) => numbers[tap]);
		if (any) return String(Number(found.some(Boolean)));
		if (found.includes(null)) return taps.map((tap) => texts[tap]).join("+"); // what JSON cannot hold
		return numberText(found.reduce((sum, number) => sum + number, 0), whole);
	}

	text(entry) {
		return this.value(this.links.tapsOf(entry)) ?? this.label(entry);
	}

	/** A position as it stands in sentences: 3, or (0, 1), or (0, 1) of channel 2. */
	place(shape, flat) {
		const [channel, ...index] = unravel(flat, shape);
		const place = this.position(index);
		return shape[0] === 1 ? place : this.say("place", { place, channel });
	}

	position(index) {
		return index.length === 1 ? String(index[0]) : `(${index.join(", ")})`;
	}

	list(flats, shape, [none, one, many]) {
		const all = [...new Set(flats)];
		if (!all.length) return this.say(none);
		const list = all.slice(0, 9).map((flat) => this.place(shape, flat)).join(", ");
		const shown = all.length > 9 ? this.say("more", { list, more: all.length - 9 }) : list;
		return this.say(all.length === 1 ? one : many, { list: shown });
	}

	inputs(entries) {
		const cols = entries.map((entry) => this.table.cells.indices[entry]);
		return this.list(cols, this.table.inputShape, ["no_input", "one_input", "inputs"]);
	}

	outputs(entries) {
		const rows = entries.map((entry) => this.links.rowOf[entry]);
		return this.list(rows, this.table.outputShape, ["no_output", "one_output", "outputs"]);
	}

	/** The sentence of a choice. */
	chosen(choice, lit) {
		const { row, col, tap } = choice;
		const { table } = this;
		if (tap !== null) return this.chosenTap(tap, lit);
		if (row !== null && col !== null) return this.chosenCell(row, col, lit.entries);
		if (row !== null) {
			const values = { place: this.place(table.outputShape, row), inputs: this.inputs(lit.entries), row };
			if (table.transposed) return this.say("row_transposed", values);
			const zeros = lit.marks.filter(({ tile, index }) => this.links.kindAt(tile, index).held < 0).length;
			return this.say(zeros ? "row_zeros" : "row", { ...values, zeros });
		}
		if (col !== null) {
			const key = table.transposed ? "col_transposed" : "col";
			return this.say(key, { place: this.place(table.inputShape, col), outputs: this.outputs(lit.entries), col });
		}
		if (choice.place !== null) {
			const { tile, index } = this.links.placeOf(choice.place);
			const { kind, at } = this.links.kindAt(tile, index);
			return this.say(table.transposed && kind === "padding" ? "cropped" : kind, { place: this.position(at) });
		}
		return this.say("hint");
	}

	chosenTap(tap, lit) {
		const value = this.value([tap]);
		const [count, outputs] = [lit.entries.length, this.outputs(lit.entries)];
		const values = { label: this.tap(tap), value, count, nnz: this.table.nnz, outputs };
		return this.say(value === null ? "tap" : "tap_value", values);
	}

	chosenCell(row, col, [entry]) {
		const { outputShape, inputShape } = this.table;
		const values = { row, col, output: this.place(outputShape, row), input: this.place(inputShape, col) };
		if (entry === undefined) return this.say("empty_cell", values);
		const value = this.value(this.links.tapsOf(entry));
		return this.say(value === null ? "cell" : "cell_value", { ...values, value, label: this.label(entry) });
	}

	/** How the sizes come about: formula, arithmetic and source, once where all axes are alike. */
	sizes() {
		const all = this.table.axes.map((_, axis) => stated(this.table, axis, this.relationships));
		const alike = allAlike(all);
		return (alike ? all.slice(0, 1) : all).map(([number, formula, arithmetic, note], axis) => [
			alike ? formula : this.say("axis", { axis, formula }),
			`= ${arithmetic}`,
			[number === null ? "" : this.say("guide", { number }), note].filter(Boolean).join("; "),
		]);
	}

	leftovers() {
		return this.table.axes.map(({ leftover }, axis) => (
			leftover && !this.table.transposed ? this.say("leftover", { axis, count: leftover }) : ""));
	}
}

// == 4. drawing ==

const SVG = "http://www.w3.org/2000/svg";
const LETTER = 6.7; // width of a letter of 11 px
const FULL = 30000; // most places of a matrix that is drawn with its zeros
const GAP = 12; // between tiles
const LABELLED = 1500; // most labels on one board

function set(node, attributes) {
	for (const [name, value] of Object.entries(attributes)) {
		if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
	}
	return node;
}

function svg(tag, attributes, parent, text) {
	const node = set(document.createElementNS(SVG, tag), attributes);
	if (text !== undefined) node.textContent = text;
	if (parent) parent.append(node);
	return node;
}

function element(tag, attributes = {}, ...children) {
	const node = set(document.createElement(tag), attributes);
	node.append(...children);
	return node;
}

/** Colours of the taps of a kernel, as convmatrix.show.model.palette makes them. */
export function tapColours(count, { few, many }) {
	if (count <= few.length) return few.slice(0, count);
	return times(count, (tap) => {
		const at = (tap / (count - 1)) * (many.length - 1);
		const low = Math.min(Math.floor(at), many.length - 2);
		const [from, to] = [parts(many[low]), parts(many[low + 1])];
		const mixed = from.map((part, n) => Math.round(part + (to[n] - part) * (at - low)));
		return "#" + mixed.map((part) => part.toString(16).padStart(2, "0")).join("");
	});
}

const parts = (colour) => [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16));

/** Black or white, whichever stands out more (WCAG 2.1). */
export function inkOn(colour) {
	const linear = parts(colour).map((part) => (part <= 10 ? part / 3294.6 : ((part / 255 + 0.055) / 1.055) ** 2.4));
	const luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
	return (luminance + 0.05) ** 2 > 1.05 * 0.05 ? "#000000" : "#ffffff";
}

/**
 * One picture of places in rows and columns, in one tile or several (channels). It is told where the pointer is by
 * coordinates, so that it needs no node for each place: drawing is one path for each colour.
 */
class Board {
	constructor(area, act) {
		Object.assign(this, { area, act });
		this.title = area.closest("figure").querySelector("span");
		const on = (name, answer) => area.addEventListener(name, answer);
		on("pointermove", (event) => this.hover(this.at(event)));
		on("pointerleave", () => this.hover(null));
		on("click", (event) => this.pick(this.at(event)));
		on("keydown", (event) => this.key(event));
		on("focus", () => this.drawCursor());
		on("blur", () => this.drawCursor());
	}

	/** New sizes; everything that was drawn is gone. */
	layout({ tiles, rows, cols, cw, ch, left = 0, top = 0, perLine = tiles, least = 0 }) {
		const [across, down] = [cols * cw + GAP, rows * ch + GAP];
		Object.assign(this, { tiles, rows, cols, cw, ch, left, top, perLine, least, across, down });
		const width = left + Math.min(perLine, tiles) * across - GAP + 2;
		const height = top + Math.ceil(tiles / perLine) * down - GAP + 2;
		this.layers = ["base", "over", "top"].map((name) => svg("svg", { class: name, "aria-hidden": "true", width, height }));
		this.area.replaceChildren(...this.layers);
		Object.assign(this.area.style, { width: `${width}px`, height: `${height}px` });
		const over = this.layers[1];
		this.veil = svg("path", { class: "veil", "fill-rule": "evenodd" }, over);
		this.marks = svg("g", {}, over);
		this.names = svg("g", {}, this.layers[2]);
		this.casing = svg("path", { class: "casing" }, over);
		this.outline = svg("path", { class: "outline" }, over);
		this.cursorPath = svg("path", { class: "cursor" }, over);
		this.hovered = null;
		this.cursor = this.inside(this.cursor) ? this.cursor : spot(0, 0);
		this.drawCursor();
	}

	corner({ tile, row, col }) {
		const x = this.left + 1 + (tile % this.perLine) * this.across + col * this.cw;
		const y = this.top + 1 + Math.floor(tile / this.perLine) * this.down + row * this.ch;
		return row < 0 ? [x, 1] : col < 0 ? [1, y] : [x, y];
	}

	/** A rectangle of places as a path; drawn narrower by `inset`, clockwise. */
	rectangle(place, rows = 1, cols = 1, inset = 0) {
		const [x, y] = this.corner(place);
		const width = (place.col < 0 ? this.left - 1 : cols * this.cw) - 2 * inset;
		const height = (place.row < 0 ? this.top - 1 : rows * this.ch) - 2 * inset;
		return `M${round(x + inset)} ${round(y + inset)}h${round(width)}v${round(height)}h${round(-width)}z`;
	}

	shape(places, inset = 0) {
		return places.map((place) => this.rectangle(place, 1, 1, inset)).join("");
	}

	/** A path that stays. */
	path(d, attributes) {
		if (d) svg("path", { d, ...attributes }, this.layers[0]);
	}

	paint(places, attributes) {
		this.path(this.shape(places, Math.min(this.cw, this.ch) >= 8 ? 0.5 : 0), attributes);
	}

	write(place, text, attributes = {}, parent = this.layers[0], dy = 0) {
		const [x, y] = this.corner(place);
		const width = place.col < 0 ? this.left - 1 : this.cw;
		const height = place.row < 0 ? this.top - 1 : this.ch;
		svg("text", { x: round(x + width / 2), y: round(y + height / 2 + dy), ...attributes }, parent, text);
	}

	inside(place) {
		return place && place.tile < this.tiles && place.row < this.rows && place.col < this.cols;
	}

	/** The place under the pointer, or null; row or column -1 is a name at the side. */
	at(event) {
		const box = this.area.getBoundingClientRect();
		const x = event.clientX - box.left - 1 - this.left;
		const y = event.clientY - box.top - 1 - this.top;
		const { across, down } = this;
		const [i, j] = [Math.max(Math.floor(y / down), 0), Math.max(Math.floor(x / across), 0)];
		const row = y < 0 ? -1 : Math.floor((y - i * down) / this.ch);
		const col = x < 0 ? -1 : Math.floor((x - j * across) / this.cw);
		const place = { tile: i * this.perLine + j, row, col };
		const known = row >= this.least && col >= this.least && (row >= 0 || col >= 0);
		return known && j < this.perLine && this.inside(place) ? place : null;
	}

	hover(place) {
		const key = JSON.stringify(place);
		if (key === this.hovered) return;
		this.hovered = key;
		this.act(place, false);
	}

	pick(place) {
		if (place) this.cursor = place;
		this.drawCursor();
		this.act(place, true);
	}

	/** Arrows, Home and End move; PageUp and PageDown change the channel; Escape lets go. */
	key(event) {
		if (event.ctrlKey || event.altKey || event.metaKey) return;
		const step = STEPS[event.key];
		if (!step && event.key !== "Escape") return;
		event.preventDefault();
		this.pick(step ? this.moved(step) : null);
		if (step) this.cursorPath.scrollIntoView({ block: "nearest", inline: "nearest" });
	}

	moved([down, right, tiles = 0]) {
		const row = clamp(this.cursor.row + down, this.least, this.rows - 1);
		const col = clamp(this.cursor.col + right, Number.isFinite(right) ? this.least : 0, this.cols - 1);
		if (row < 0 && col < 0) return this.cursor; // the corner is no place
		return spot(row, col, clamp(this.cursor.tile + tiles, 0, this.tiles - 1));
	}

	drawCursor() {
		const seen = this.area.matches(":focus-visible") && this.cursor;
		set(this.cursorPath, { d: seen ? this.rectangle(this.cursor, 1, 1, 1) : "" });
	}

	/** Cover all but some places. */
	cover(places, on) {
		const holes = on ? this.shape(places) : "";
		const tiles = times(this.tiles, (tile) => this.rectangle(spot(0, 0, tile), this.rows, this.cols));
		set(this.veil, { d: on ? tiles.join("") + holes : "" });
	}

	/** Lines around some rectangles. */
	surround(rectangles) {
		const fine = this.ch < 14; // then the lines must not cover what they surround
		this.area.classList.toggle("fine", fine);
		const d = rectangles.map(([place, rows, cols]) => this.rectangle(place, rows, cols, fine ? -1.5 : 0)).join("");
		set(this.casing, { d });
		set(this.outline, { d });
	}

	lines() {
		if (this.cw < 8 || this.rows * this.cols > FULL) return "";
		const every = (count, line) => times(count + 1, line).join("");
		return times(this.tiles, (tile) => {
			const [x, y] = this.corner(spot(0, 0, tile));
			return every(this.rows, (n) => `M${x} ${y + n * this.ch}h${this.cols * this.cw}`)
				+ every(this.cols, (n) => `M${x + n * this.cw} ${y}v${this.rows * this.ch}`);
		}).join("");
	}
}

const STEPS = {
	ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -Infinity], End: [0, Infinity],
	PageUp: [0, 0, -1], PageDown: [0, 0, 1], Enter: [0, 0], " ": [0, 0],
};
/** Where something stands on a board; row or column -1 is a name at the side. */
const spot = (row, col, tile = 0) => ({ tile, row, col });
const round = (number) => Math.round(number * 100) / 100;
const clamp = (number, low, high) => Math.min(Math.max(number, low), high);

/** The matrix: entries in the colours of their taps, with names at its sides and rulers between image rows. */
class MatrixBoard extends Board {
	draw({ table, links, words, colours }, width, zoom) {
		const { indices } = table.cells;
		const rowName = (row) => placeName("y", table.outputShape, row);
		const colName = (col) => placeName("x", table.inputShape, col);
		const texts = table.nnz <= LABELLED ? Array.from(indices, (_, entry) => words.text(entry)) : [];
		const needed = LETTER * Math.max(2, ...texts.map((text) => text.length), colName(table.cols - 1).length) + 5;
		const nameWidth = LETTER * rowName(table.rows - 1).length + 10;
		const room = Math.floor((width - nameWidth - 4) / table.cols); // whole pixels leave no seams
		const fits = texts.length && table.cols * needed <= 1.6 * (width - nameWidth);
		const cw = (fits ? clamp(room, needed, Math.max(36, needed)) : clamp(room, 2, 36)) * zoom;
		const labelled = texts.length > 0 && cw >= needed;
		const ch = labelled ? Math.max(Math.min(cw, 26), 20) : cw;
		const named = ch >= 14 && table.rows <= LABELLED;
		const sides = { left: named ? nameWidth : 15, top: labelled ? 20 : 15, least: -1 };
		this.layout({ tiles: 1, rows: table.rows, cols: table.cols, cw, ch, ...sides });
		this.links = links;
		this.path(this.rectangle(spot(0, -1), this.rows) + this.rectangle(spot(-1, 0), 1, this.cols), { class: "sides" });
		this.path(this.rectangle(spot(0, 0), this.rows, this.cols), { class: "field" });
		this.path(this.lines(), { class: "grid" });
		this.paintEntries(links, colours);
		this.path(this.rulers(table), { class: "rulers" });
		if (named) times(this.rows, (row) => this.write(spot(row, -1), rowName(row)));
		if (labelled) {
			times(this.cols, (col) => this.write(spot(-1, col), colName(col)));
			const ink = colours.map(inkOn);
			texts.forEach((text, entry) => this.write(this.entryPlace(entry), text, { fill: ink[links.colourOf(entry)] }));
		}
		this.title.textContent = words.say("matrix", { rows: table.rows, cols: table.cols, nnz: table.nnz });
	}

	entryPlace(entry) {
		return spot(this.links.rowOf[entry], this.links.table.cells.indices[entry]);
	}

	paintEntries(links, colours) {
		const byTap = colours.map(() => []);
		links.rowOf.forEach((_, entry) => byTap[links.colourOf(entry)].push(this.entryPlace(entry)));
		byTap.forEach((places, tap) => this.paint(places, { fill: colours[tap], "data-tap": tap }));
	}

	/** Lines where an image row ends, unless they would be all there is to see. */
	rulers({ inputShape, outputShape }) {
		const [x, y] = this.corner(spot(0, 0));
		const [wide, tall] = [this.cols * this.cw, this.rows * this.ch];
		const every = (count, step, size, line) => (step > 1 && step * size >= 6
			? times(Math.max(Math.ceil(count / step) - 1, 0), (n) => line((n + 1) * step)).join("") : "");
		return `M${x} ${y}h${wide}v${tall}h${-wide}z`
			+ every(this.rows, outputShape.at(-1), this.ch, (row) => `M${x} ${y + row * this.ch}h${wide}`)
			+ every(this.cols, inputShape.at(-1), this.cw, (col) => `M${x + col * this.cw} ${y}v${tall}`);
	}

	light(lit, on) {
		const { row, col } = lit;
		const bands = [];
		if (row !== null) bands.push([spot(row, 0), 1, this.cols], [spot(row, -1), 1, 1]);
		if (col !== null) bands.push([spot(0, col), this.rows, 1], [spot(-1, col), 1, 1]);
		this.cover(lit.entries.map((entry) => this.entryPlace(entry)), on);
		this.surround(bands);
	}
}

/** The kernel, one tile for each pair of channels: the legend of the colours. */
class KernelBoard extends Board {
	draw({ table, links, words, colours }, width) {
		const [rows, cols] = plane(table.kernel);
		const [many, each] = table.weightShape;
		const tiles = many * each;
		const count = tiles * links.taps;
		const texts = count <= LABELLED ? times(count, (tap) => words.value([tap]) ?? words.tap(tap)) : [];
		const cw = texts.length ? clamp(LETTER * Math.max(...texts.map((text) => text.length)) + 6, 30, 90) : 8;
		this.layout({ tiles, rows, cols, cw, ch: texts.length ? 30 : 8, perLine: perLine(tiles, cols * cw, width) });
		this.links = links;
		colours.forEach((fill, tap) => {
			const places = times(tiles, (tile) => this.tapPlace(tile * links.taps + tap));
			this.paint(places, { fill, "data-tap": tap });
		});
		texts.forEach((text, tap) => this.write(this.tapPlace(tap), text, { fill: inkOn(colours[tap % links.taps]) }));
		const values = { name: "kernel", whole: sizes(table.kernel), many, each };
		this.title.textContent = words.say(tiles > 1 ? "kernels" : "map", values);
	}

	tapPlace(tap) {
		const { taps, table } = this.links;
		return spot(...plane(unravel(tap % taps, table.kernel), 0), Math.floor(tap / taps));
	}

	light(lit, on) {
		this.cover(lit.taps.map((tap) => this.tapPlace(tap)), on);
	}
}

/** A map, one tile for each channel: what windows lie on, or what they give. */
class MapBoard extends Board {
	draw({ table, links, words, colours, palette }, width, { shape, letter, colour, kindAt, caption }) {
		const [tiles, rows, cols] = [shape[0], ...plane(shape.slice(1))];
		const cell = clamp(Math.floor(Math.min(width / cols, 420 / rows)), tiles * rows * cols > 4000 ? 2 : 5, 38);
		this.layout({ tiles, rows, cols, cw: cell, ch: cell, perLine: perLine(tiles, cols * cell, width) });
		Object.assign(this, { links, words, colours, kindAt, seen: palette[letter === "x" ? "seen" : "output-seen"] });
		const whole = letter === "x" ? table.inputShape : table.outputShape;
		const name = (held) => (held >= 0 ? placeName(letter, whole, held) : letter === "x" ? "0" : "");
		this.labelled = cell >= LETTER * name(product(whole) - 1).length + 3 && product(shape) <= LABELLED / 2;
		const kinds = {};
		for (const [tile, ...index] of everyIndex(shape)) {
			const { kind, held } = kindAt(tile, index);
			const place = this.placeAt({ tile, index });
			(kinds[kind] ??= []).push(place);
			if (this.labelled) this.write(place, name(held), { class: `on-${kind}` }, this.layers[2], cell >= 34 ? -5 : 0);
		}
		for (const [kind, places] of Object.entries(kinds)) {
			this.paint(places, { class: kind, fill: `color-mix(in srgb, ${colour} ${PALE[kind] ?? 0}%, white)` });
		}
		this.path(this.lines(), { class: "grid" });
		this.title.textContent = caption;
	}

	placeAt({ tile, index }) {
		return spot(...plane(index, 0), tile);
	}

	light({ marks = [], frames = [], chosen = [] }) {
		const byTap = new Map();
		for (const mark of marks) {
			const colour = this.colours[mark.tap % this.links.taps];
			if (!byTap.has(colour)) byTap.set(colour, []);
			byTap.get(colour).push(this.placeAt(mark));
		}
		const edge = this.cw >= 24 ? 3 : this.cw >= 12 ? 2 : 0;
		const seen = [...chosen, ...marks].filter(({ tile, index }) => this.kindAt(tile, index).held >= 0);
		this.marks.replaceChildren(
			svg("path", { d: this.shape(seen.map((place) => this.placeAt(place))), fill: this.seen }),
			...[...byTap].map(([colour, places]) => svg("path", {
				d: this.shape(places, edge), fill: edge ? "none" : colour, stroke: colour, "stroke-width": edge })),
		);
		const boxes = frames.map((frame) => [this.placeAt(frame), ...plane(frame.size)]);
		this.surround([...boxes, ...chosen.map((place) => [this.placeAt(place)])]);
		this.names.replaceChildren();
		if (this.labelled && this.cw >= 34 && marks.length <= 64) marks.forEach((mark) => this.nameTap(mark));
	}

	/** A tap's name in the lower half of a place: colour never stands alone. */
	nameTap(mark) {
		const name = this.words.tap(mark.tap);
		const text = LETTER * name.length > this.cw - 8 ? name.split(".").pop() : name;
		const { kind } = this.kindAt(mark.tile, mark.index);
		this.write(this.placeAt(mark), text, { class: `tap on-${kind}` }, this.names, 7);
	}
}

const PALE = { real: 100, copy: 45, unseen: 25 }; // percent of the colour
/** One axis as the row of a plane. */
const plane = (size, filler = 1) => (size.length === 1 ? [filler, size[0]] : size);
const sizes = (numbers) => numbers.join(" x ");
const perLine = (tiles, each, width) => clamp(Math.floor((width + GAP) / (each + GAP)), 1, tiles);

// == 5. settings as fields, as a link, as a model ==

// Settings with one entry for each axis, and their letters in links, which are those of the command line.
const FIELDS = [
	["input_size", "i"], ["kernel_size", "k"], ["stride", "s"], ["padding", "p"], ["dilation", "d"],
	["input_dilation", "a"], ["output_padding", "op"],
];
const CHOSEN = ["row", "col", "tap"];
const DEFAULTS = { s: 1, d: 1, a: 1, op: 0, p: "0" };

/** A field's text: a number if it is one, or what was typed, to be refused. */
const typed = (text) => (/^\s*[+-]?\d+\s*$/.test(text) ? Number(text) : text);
const padText = (pad) => (typeof pad === "string" ? pad : pad[0] === pad[1] ? String(pad[0]) : pad.join(","));
const allAlike = (values) => values.every((value) => JSON.stringify(value) === JSON.stringify(values[0]));

/** Settings and choice as the command line's words: i=4x4&k=3&p=1,0xsame&row=2. */
export function toLink(settings, choice) {
	const words = [];
	if (settings.input_size.length === 1) words.push("ndim=1");
	for (const [name, letter] of FIELDS) {
		const texts = settings[name].map((value) => (name === "padding" ? padText(value) : String(value)));
		const text = allAlike(texts) ? texts[0] : texts.join("x");
		if (text !== String(DEFAULTS[letter])) words.push(`${letter}=${encodeURIComponent(text)}`);
	}
	if (settings.padding_mode !== "zeros") words.push(`mode=${encodeURIComponent(settings.padding_mode)}`);
	if (settings.transposed) words.push("transpose=1");
	for (const name of CHOSEN) if (choice[name] !== null) words.push(`${name}=${choice[name]}`);
	return words.join("&").replaceAll("%2C", ",");
}

/** The settings and the choice of a link, on top of what the page was made for. */
export function fromLink(link, original, sentences) {
	const words = new Map(link.split("&").filter(Boolean).map((word) => {
		const [name, ...rest] = word.split("=");
		return [name, decoded(rest.join("="))];
	}));
	const choice = nothing();
	for (const name of CHOSEN) if (/^\d+$/.test(words.get(name))) choice[name] = Number(words.get(name));
	if (!["i", "k"].every((letter) => words.has(letter))) return { settings: original, choice };
	const lists = FIELDS.map(([name, letter]) => [name, (words.get(letter) ?? String(DEFAULTS[letter])).split("x")]);
	const longest = lists.find(([, entries]) => entries.length > 1);
	const axes = longest ? longest[1].length : words.get("ndim") === "1" ? 1 : 2;
	const settings = withKind(original, words.get("transpose") === "1");
	settings.padding_mode = words.get("mode") ?? "zeros";
	for (const [name, entries] of lists) {
		if (entries.length > 1 && (entries.length !== axes || axes > 2)) {
			throw new Refusal(fill(sentences.link_axes, { count: entries.length, name, axes: Math.min(axes, 2) }));
		}
		const all = entries.length === axes ? entries : Array(axes).fill(entries[0]);
		settings[name] = all.map((text) => (name === "padding" ? padTyped(text) : typed(text)));
	}
	return { settings, choice };
}

function decoded(text) {
	try {
		return decodeURIComponent(text);
	} catch {
		return text; // a stray % is no code
	}
}

function padTyped(text) {
	if (!/\d/.test(text)) return text;
	const ends = text.split(",").map(typed);
	return ends.length === 1 ? [ends[0], ends[0]] : ends.slice(0, 2);
}

/** Settings of the other kind of layer: the channels swap, since the weight is the same. */
function withKind(settings, transposed) {
	if (settings.transposed === transposed) return { ...settings };
	return { ...settings, transposed, in_channels: settings.out_channels, out_channels: settings.in_channels };
}

/** The layer whose matrix is the transpose: its input is the other's output. */
function transposeOf(settings, table) {
	const leftover = table.axes.map((axis) => axis.leftover);
	return {
		...withKind(settings, !settings.transposed),
		input_size: table.outputShape.slice(1),
		padding: table.axes.map((axis) => [axis.before, axis.after]),
		output_padding: settings.transposed ? leftover.map(() => 0) : leftover,
	};
}

const nothing = () => ({ row: null, col: null, tap: null, place: null });

/** The fields that change the numbers; `change` is called with new settings. */
class Controls {
	constructor(form, change) {
		const field = (name) => form.elements[name];
		this.change = change;
		[this.kind, this.axes, this.alike, this.mode] = ["transposed", "ndim", "alike", "padding_mode"].map(field);
		this.fields = Object.fromEntries(FIELDS.map(([name]) => [name, [0, 1].map((axis) => field(`${name}-${axis}`))]));
		this.ends = [0, 1].map((axis) => [0, 1].map((end) => field(`padding-${axis}-${end}`)));
		this.grid = form.querySelector(".fields");
		this.mode.append(...MODES.map((mode) => new Option(mode)));
		this.fields.padding.forEach((names) => names.append(...NAMES.map((name) => new Option(name))));
		form.addEventListener("submit", (event) => event.preventDefault());
		form.addEventListener("input", (event) => event.target === this.kind || this.changed());
	}

	/** Write settings into the fields; `table` tells the numbers behind a name. */
	show(settings, table) {
		this.settings = settings;
		const axes = settings.input_size.length;
		this.kind.checked = settings.transposed;
		this.axes.value = axes;
		this.mode.value = settings.padding_mode;
		if (!FIELDS.every(([name]) => allAlike(settings[name]))) this.alike.checked = false;
		this.alike.parentElement.hidden = axes === 1;
		this.grid.classList.toggle("single", axes === 1 || this.alike.checked);
		for (const [name] of FIELDS) {
			settings[name].forEach((value, axis) => {
				if (name === "padding") this.showPadding(axis, value, table);
				else put(this.fields[name][axis], value);
			});
		}
		this.fields.output_padding.forEach((field) => { field.disabled = !settings.transposed; });
	}

	showPadding(axis, pad, table) {
		const named = typeof pad === "string";
		this.fields.padding[axis].value = named ? pad : "";
		this.ends[axis].forEach((field, end) => {
			field.disabled = named;
			if (!named || table) put(field, (named ? table.padding[axis] : pad)[end]);
		});
	}

	changed() {
		const axes = Number(this.axes.value);
		const before = this.settings.input_size.length;
		const settings = { ...this.settings, padding_mode: this.mode.value };
		for (const [name] of FIELDS) {
			const values = this.fields[name].map((field, axis) => (name === "padding"
				? field.value || this.ends[axis].map((end) => typed(end.value)) : typed(field.value)));
			settings[name] = this.alike.checked || axes !== before ? Array(axes).fill(values[0]) : values.slice(0, axes);
		}
		this.change(settings);
	}
}

function put(field, value) {
	// What is being typed stays as it is: "01" and 1 are the same number.
	if (typed(field.value) !== value) field.value = value;
}

/** The page's address as a place for settings and choice. */
function linkPort(spec) {
	return {
		read: () => fromLink(location.hash.slice(1), spec.layer, spec.sentences),
		listen: (changed) => addEventListener("hashchange", changed),
		save: (settings, choice) => {
			try {
				history.replaceState(history.state, "", `#${toLink(settings, choice)}`);
			} catch { /* a frame without an address of its own has nothing to save in */ }
		},
	};
}

/** A notebook's widget: a trait for each setting, and row, col and tap, both ways. */
function modelPort(model, spec) {
	const names = [...FIELDS.map(([name]) => name), "padding_mode", "transposed"];
	const events = [...names, ...CHOSEN].map((name) => `change:${name}`);
	const pick = (from, some) => Object.fromEntries(some.map((name) => [name, from(name)]));
	const get = (name) => model.get(name);
	let saving = false;
	const store = (values) => {
		const fresh = Object.entries(values).filter(([name, value]) => !allAlike([get(name), value]));
		if (!fresh.length) return;
		saving = true;
		fresh.forEach(([name, value]) => model.set(name, value));
		model.save_changes();
		saving = false;
	};
	const follow = (choice) => store(pick((name) => choice[name], CHOSEN));
	return {
		read: () => ({
			settings: { ...withKind(spec.layer, get("transposed")), ...pick(get, names) },
			choice: { ...nothing(), ...pick(get, CHOSEN) },
		}),
		listen: (changed) => events.forEach((event) => model.on(event, () => saving || changed())),
		save: (settings, choice, table) => {
			if (!table) return; // an impossible layer stays on this side
			const resolved = { ...settings, padding: table.padding, output_padding: table.outputPadding };
			store(pick((name) => resolved[name], names));
			follow(choice);
		},
		follow,
	};
}

// == 6. the explorer ==

/** Puts it together: settings make a table, the table is drawn, a choice lights up what belongs to it. */
class Explorer {
	constructor(host, spec, port) {
		Object.assign(this, { spec, port, settings: spec.layer, choice: nothing(), zoom: 1 });
		const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
		root.innerHTML = spec.skeleton; // a file of this package, without a word of the user's
		root.prepend(element("style", {}, spec.style));
		const find = (selector) => root.querySelector(selector);
		[this.top, this.main, this.sizes, this.refusal, this.sentence, this.pictures] = [
			".explorer", ".main", ".sizes", ".refusal", ".sentence", ".pictures"].map(find);
		find("h1").textContent = spec.title;
		for (const [name, colour] of Object.entries(spec.palette.names)) this.top.style.setProperty(`--${name}`, colour);
		const board = (name, Kind, chosen) => new Kind(find(`[data-board=${name}]`), (place, pinned) => (
			this.choose(place && { ...nothing(), ...chosen(place) }, pinned)));
		this.boards = {
			input: board("input", MapBoard, (place) => this.mapChoice("input", place)),
			kernel: board("kernel", KernelBoard, (place) => this.kernelChoice(place)),
			output: board("output", MapBoard, (place) => this.mapChoice("output", place)),
			matrix: board("matrix", MatrixBoard, ({ row, col }) => ({ row: row < 0 ? null : row, col: col < 0 ? null : col })),
		};
		this.controls = new Controls(find("form"), (settings) => this.take(settings));
		const press = (name, act) => find(`[name=${name}]`).addEventListener("click", act);
		press("transposed", () => this.transpose());
		press("reset", () => this.take(spec.layer));
		press("smaller", () => this.magnify(1 / 1.5));
		press("larger", () => this.magnify(1.5));
		this.receive();
		this.port.listen?.(() => this.receive());
		this.watcher = new ResizeObserver(() => this.resized());
		this.watcher.observe(this.top);
	}

	/** Settings and choice that come from outside. */
	receive() {
		try {
			const { settings, choice } = this.port.read?.() ?? { settings: this.spec.layer, choice: nothing() };
			this.choice = choice;
			this.draw(settings);
		} catch (error) {
			this.refuse(error, this.spec.layer);
		}
	}

	/** Settings that come from the fields. */
	take(settings) {
		this.draw(settings);
		this.port.save?.(this.settings, this.choice, this.refused ? null : this.table);
	}

	transpose() {
		const { settings, table } = this;
		this.take(this.refused ? withKind(settings, !settings.transposed) : transposeOf(settings, table));
	}

	draw(settings) {
		try {
			this.table = layerTable(settings, this.spec.sentences, this.spec.drawn);
		} catch (error) {
			this.refuse(error, settings);
			return;
		}
		this.show(settings, null);
		this.redraw();
	}

	/** Settings in the fields, and a refusal. */
	show(settings, refusal) {
		this.settings = settings;
		this.refused = refusal !== null;
		this.refusal.textContent = refusal ?? "";
		this.top.classList.toggle("refused", this.refused);
		this.controls.show(settings, this.refused ? null : this.table);
	}

	/** What was drawn stays in view; at the start, the page's own layer. */
	refuse(error, settings) {
		if (!(error instanceof Refusal)) throw error;
		if (!this.table) this.draw(this.spec.layer);
		this.show(settings, error.message);
	}

	redraw() {
		const { table } = this;
		const drawable = table.cells !== null;
		this.links = drawable ? new Links(table) : null;
		this.words = new Words(this.spec, table, this.links);
		this.drawSizes();
		this.pictures.hidden = !drawable;
		this.width = this.main.clientWidth;
		if (!drawable) {
			const { entries: most, places } = this.spec.drawn;
			const { rows, cols, nnz } = table;
			const entries = this.words.say(nnz === null ? "entries_unknown" : "entries", { nnz });
			this.sentence.textContent = this.words.say("too_many", { rows, cols, entries, most, places });
			return;
		}
		const colours = tapColours(product(table.kernel), this.spec.palette);
		const scene = { table, links: this.links, words: this.words, colours, palette: this.spec.palette.names };
		const room = Math.max(this.width - 40, 200);
		this.drawMap("places", scene, room);
		this.drawMap("windows", scene, room);
		this.boards.kernel.draw(scene, Math.min(room, 480));
		this.boards.matrix.draw(scene, room, this.zoom);
		this.choice = this.known(this.choice);
		this.light(this.choice);
	}

	/** Which map is which: windows lie on the input of a convolution, and on the output of a transposed one. */
	boardOf(side) {
		return (side === "places") === this.table.transposed ? "output" : "input";
	}

	drawMap(side, scene, room) {
		const { table, links } = this;
		const name = this.boardOf(side);
		const shape = side === "places" ? [table.placeShape[0], ...links.frameShape] : table.windowShape;
		const whole = sizes((name === "input" ? table.inputShape : table.outputShape).slice(1));
		const framed = side === "places" && String(links.frameShape) !== String(table.placeShape.slice(1));
		const spread = table.axes.some((axis) => axis.inputDilation > 1);
		const kind = table.transposed ? "cut" : spread ? "spread" : "padded";
		this.boards[name].draw(scene, room, {
			shape,
			letter: name === "input" ? "x" : "y",
			colour: this.spec.palette.names[name],
			kindAt: side === "places" ? (tile, index) => links.kindAt(tile, index)
				: (tile, index) => ({ kind: "real", held: ravel([tile, ...index], table.windowShape) }),
			caption: this.words.say(framed ? kind : "map", { name, whole, frame: sizes(links.frameShape) }),
		});
	}

	drawSizes() {
		const line = (name, text) => element("p", { class: name }, text);
		const [from, to] = [this.table.inputShape, this.table.outputShape].map((shape) => sizes(shape.slice(1)));
		this.sizes.replaceChildren(
			line("summary", this.words.say(this.table.transposed ? "transposed" : "convolution", { from, to })),
			...this.words.sizes().flat().map((text, n) => line(n % 3 < 2 ? "formula" : "source", text)),
			...this.words.leftovers().map((text) => line("source", text)),
		);
	}

	// -- choices --

	mapChoice(name, { tile, row, col }) {
		const { table, links } = this;
		const index = [row, col].slice(-table.axes.length);
		const part = name === "input" ? "col" : "row";
		if (this.boardOf("windows") === name) return { [part]: ravel([tile, ...index], table.windowShape) };
		const { held } = links.kindAt(tile, index);
		return held >= 0 ? { [part]: held } : { place: ravel([tile, ...index], [0, ...links.frameShape]) };
	}

	kernelChoice({ tile, row, col }) {
		const { kernel } = this.table;
		return { tap: ravel([tile, ...[row, col].slice(-kernel.length)], [0, ...kernel]) };
	}

	/** A choice without what this table does not have. */
	known(choice) {
		const { rows, cols, weightShape } = this.table;
		const within = (number, count) => (number !== null && number < count ? number : null);
		const [row, col] = [within(choice.row, rows), within(choice.col, cols)];
		return { row, col, tap: within(choice.tap, product(weightShape)), place: null };
	}

	/** Light up a place that is pointed at; one that is picked stays when the pointer leaves. */
	choose(choice, pinned) {
		if (this.refused || !this.links) return;
		if (pinned) {
			this.choice = choice ?? nothing();
			this.port.save?.(this.settings, this.choice, this.table);
		}
		this.light(choice ?? this.choice);
		this.port.follow?.(choice ?? this.choice);
	}

	light(choice) {
		const lit = this.links.lit(choice);
		const on = Object.values(choice).some((part) => part !== null);
		this.boards.matrix.light(lit, on);
		this.boards.kernel.light(lit, on);
		this.boards[this.boardOf("places")].light({ marks: lit.marks, frames: lit.frames, chosen: lit.chosenPlaces });
		this.boards[this.boardOf("windows")].light({ marks: lit.windows, chosen: lit.chosenWindows });
		this.sentence.textContent = this.words.chosen(choice, lit);
	}

	// -- sizes of the picture --

	magnify(factor) {
		this.zoom = clamp(this.zoom * factor, 0.2, 12);
		if (this.links) this.redraw();
	}

	resized() {
		if (Math.abs(this.main.clientWidth - this.width) > 8) this.redraw();
	}
}

/** Draw an explorer into an element; without a port it keeps its settings to itself. */
export function mount(host, spec, port = spec.link ? linkPort(spec) : {}) {
	return new Explorer(host, spec, port);
}

/** Draw every explorer of a page that is not drawn yet. */
export function mountAll(page) {
	for (const host of page.querySelectorAll(".convmatrix-explorer:not([data-drawn])")) {
		host.setAttribute("data-drawn", "");
		mount(host, JSON.parse(host.querySelector('script[type="application/json"]').textContent));
	}
}

export default {
	render({ model, el }) {
		const spec = model.get("spec");
		const host = element("div", { class: "convmatrix-explorer", "data-drawn": "" });
		el.append(host);
		const { watcher } = mount(host, spec, modelPort(model, spec));
		return () => watcher.disconnect();
	},
};
