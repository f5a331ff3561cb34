// A convolution layer as a table: what is valid, all sizes, and every entry of the matrix. Tests compare it with Python.
//
// PYTHON holds what Python wrote into this script: the rules of the layers, their error sentences, and limits.

import { PYTHON } from "./python.js";
import { closest, fill, floatText, modulo, product, quoted, shortened, times } from "./numbers.js";

export const MODES = PYTHON.modes;
export const NAMES = PYTHON.names;
export const LIMITS = PYTHON.limits;
const COLUMNS = ["input_size", "kernel_size", "stride", "dilation", "input_dilation"];
const MOST_READS = 2e6; // pairs of output and tap on one axis that are walked through to count entries

/**
 * The layer of some settings: its sizes, and every entry of the matrix with its taps, row by row, or
 * {error: {field, sentence}}. Settings are the arguments of a layer, one entry for each axis; where more would have to
 * be drawn than the limits allow, `cells` is null.
 */
export function table(settings, limits = LIMITS) {
	try {
		return layerTable(settings, resolve(settings, limits), limits);
	} catch (error) {
		if (error instanceof Invalid) return { error: { field: error.field, sentence: error.message } };
		throw error;
	}
}

function layerTable(settings, { axes, padding, output_padding }, limits) {
	const { transposed, groups, in_channels, out_channels } = settings;
	const [forwardIn, forwardOut] = transposed ? [out_channels, in_channels] : [in_channels, out_channels];
	const kernel_size = axes.map((axis) => axis.kernel_size);
	const channels_per_group = forwardIn / groups;
	const result = {
		transposed, groups, axes, padding, output_padding, kernel_size, channels_per_group,
		// Of the forward convolution: what its windows lie on, and what they give.
		forward_input_shape: [forwardIn, ...axes.map((axis) => axis.input_size)],
		forward_output_shape: [forwardOut, ...axes.map((axis) => axis.output_size)],
		weight_shape: [forwardOut, channels_per_group, ...kernel_size],
	};
	result.output_shape = transposed ? result.forward_input_shape : result.forward_output_shape;
	result.input_shape = transposed ? result.forward_output_shape : result.forward_input_shape;
	result.rows = product(result.output_shape);
	result.cols = product(result.input_shape);
	const walkable = axes.every((axis) => (
		axis.output_size * axis.kernel_size <= MOST_READS && axis.input_size <= MOST_READS));
	const patterns = walkable ? axes.map((axis) => pattern(axis, transposed)) : null;
	result.nnz = patterns && product(patterns.map((rows) => rows.reduce((sum, row) => sum + row.length, 0)))
		* (out_channels * in_channels) / groups;
	const area = forwardIn * product(axes.map((axis) => axis.frame.size));
	const fits = walkable && result.nnz <= limits.entries
		&& Math.max(area, result.rows, result.cols) <= limits.positions;
	result.cells = fits ? assemble(result, patterns) : null;
	return result;
}

// -- which input a tap reads --

/** What one position of the endlessly extended axis holds: an input's index, or -1 for a zero. */
export function source(axis, position) {
	const n = axis.input_size;
	if (axis.mode === "zeros") {
		const index = Math.floor(position / axis.input_dilation);
		return index * axis.input_dilation === position && index >= 0 && index < n ? index : -1;
	}
	if (axis.mode === "circular") return modulo(position, n);
	if (axis.mode === "replicate" || n === 1) return Math.min(Math.max(position, 0), n - 1);
	const [period, mirror] = axis.mode === "symmetric" ? [2 * n, 1] : [2 * n - 2, 0];
	const folded = modulo(position, period);
	return folded < n ? folded : period - mirror - folded;
}

/** The position that a tap of an output reads. */
export function position(axis, output, tap) {
	return output * axis.stride + tap * axis.dilation - axis.before;
}

/** Whether a position lies on the dilated input, and not in the padding. */
export function isInside(axis, at) {
	return at >= 0 && at < axis.dilated_size;
}

/** Whether a position is left by a padding that crops. */
export function isKept(axis, at) {
	return at >= -axis.before && at < axis.dilated_size + axis.after;
}

/** One axis: for each row, its entries {index, taps} in the order of their index. */
function pattern(axis, transposed) {
	const rows = times(transposed ? axis.input_size : axis.output_size, () => new Map());
	for (let output = 0; output < axis.output_size; output++) {
		for (let tap = 0; tap < axis.kernel_size; tap++) {
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
function assemble({ input_shape, output_shape, kernel_size, groups, channels_per_group, ...size }, patterns) {
	const widths = input_shape.slice(1);
	const area = product(widths);
	const taps = product(kernel_size);
	let rows = patterns[0];
	for (let axis = 1; axis < patterns.length; axis++) {
		rows = combine(rows, patterns[axis], widths[axis], kernel_size[axis]);
	}
	const inPerGroup = input_shape[0] / groups;
	const outPerGroup = output_shape[0] / groups;
	const cells = { indptr: new Int32Array(size.rows + 1), indices: new Int32Array(size.nnz), tap_indptr: [0], taps: [] };
	let row = 0;
	let cell = 0;
	for (let out = 0; out < output_shape[0]; out++) {
		const first = Math.floor(out / outPerGroup) * inPerGroup;
		for (const entries of rows) {
			for (let into = first; into < first + inPerGroup; into++) {
				const [forwardOut, forwardIn] = size.transposed ? [into, out] : [out, into];
				const weight = (forwardOut * channels_per_group + (forwardIn % channels_per_group)) * taps;
				for (const entry of entries) {
					cells.indices[cell++] = into * area + entry.index;
					for (const tap of entry.taps) cells.taps.push(weight + tap);
					cells.tap_indptr.push(cells.taps.length);
				}
			}
			cells.indptr[++row] = cell;
		}
	}
	return cells;
}

// -- validation, in Python's order --

class Invalid extends Error {
	constructor(field, sentence) {
		super(shortened(sentence));
		this.field = field;
	}
}

const COMPARISONS = {
	"<": (value, other) => value < other,
	">": (value, other) => value > other,
	">=": (value, other) => value >= other,
	in: (value, known) => known.includes(value),
	"not in": (value, known) => !known.includes(value),
};

/** Throw the error of the first rule of a step that is violated. */
function check(step, values) {
	for (const { field, violated, sentence } of PYTHON.rules[step]) {
		const holds = ([left, comparison, right]) => (
			COMPARISONS[comparison](values[left], typeof right === "string" ? values[right] : right));
		if (violated.every(holds)) throw new Invalid(field, fill(sentence, values));
	}
}

/** One of Python's sentences about a single value. */
function sentenceOf(key, values) {
	return fill(PYTHON.sentences[key], values);
}

function integer(field, what, value, most) {
	const text = String(value);
	const number = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : NaN;
	if (Math.abs(number) > most) throw new Invalid(field, sentenceOf("too_large", { what, value: text.trim(), most }));
	if (Number.isInteger(value)) return value;
	const shown = Number.isNaN(number) ? quoted(text) : floatText(number);
	const key = Number.isInteger(number) ? "whole_float" : "not_integer";
	throw new Invalid(field, sentenceOf(key, { what, value: shown, integer: String(number + 0) }));
}

function atLeast(field, what, value, most) {
	const number = integer(field, what, value, most);
	const least = PYTHON.least[field];
	if (number < least) throw new Invalid(field, sentenceOf("too_small", { what, least, value: number }));
	return number;
}

function perAxis(settings, name, most) {
	return settings[name].map((value, axis) => atLeast(name, sentenceOf("on_axis", { name, axis }), value, most));
}

function checkWord(name, value, words) {
	if (words.includes(value)) return;
	const lower = value.toLowerCase();
	const synonym = Object.hasOwn(PYTHON.synonyms, lower) ? PYTHON.synonyms[lower] : undefined;
	const close = [...value].length <= PYTHON.longest_word ? synonym ?? closest(lower, words) : undefined;
	const known = words.includes(close);
	const values = { what: name, word: quoted(value), known: words.join(", "), suggestion: quoted(close ?? "") };
	throw new Invalid(name, sentenceOf(known ? "misspelt" : "unknown", values));
}

function paddingEntry(entry, axis, most) {
	if (typeof entry === "string") {
		checkWord("padding", entry, NAMES);
		return entry;
	}
	const what = sentenceOf("on_axis", { name: "padding", axis });
	return ["before", "after"].map((end, n) => integer("padding", sentenceOf("end", { what, end }), entry[n], most));
}

function checkChannels(settings, most) {
	const groups = atLeast("groups", "groups", settings.groups, most);
	for (const name of ["in_channels", "out_channels"]) {
		const channels = atLeast(name, name, settings[name], most);
		check("groups", { groups, name, channels, remainder: channels % groups });
	}
}

/** The numbers of all axes: of the forward convolution, with paddings and output_paddings as numbers. */
function resolve(settings, limits) {
	const most = limits.number;
	const columns = COLUMNS.map((name) => perAxis(settings, name, most));
	const { padding_mode } = settings;
	checkWord("padding_mode", padding_mode, MODES);
	const pads = settings.padding.map((entry, axis) => paddingEntry(entry, axis, most));
	const given = pads.map((padding, axis) => {
		const values = Object.fromEntries(COLUMNS.map((name, n) => [name, columns[n][axis]]));
		return { ...values, axis, padding, padding_mode, span: values.dilation * (values.kernel_size - 1) + 1 };
	});
	given.forEach((values) => check("input_dilation", values));
	checkChannels(settings, most);
	if (!settings.transposed) {
		const padding = given.map(convPadding);
		return { axes: given.map((values, n) => sized(values, ...padding[n])), padding, output_padding: given.map(() => 0) };
	}
	const extra = perAxis(settings, "output_padding", most);
	const resolved = given.map((values, axis) => transposedPadding({ ...values, output_padding: extra[axis] }));
	return {
		axes: resolved.map(forwardAxis),
		padding: resolved.map(({ before, after }) => [before, after]),
		output_padding: resolved.map(({ output_padding }) => output_padding),
	};
}

/** An axis of the forward convolution with all its sizes; the frame is the dilated input and all padding around it. */
function sized({ padding_mode: mode, axis, input_size, kernel_size, stride, dilation, input_dilation, span }, before, after) {
	const dilated_size = dilatedSize(input_size, input_dilation);
	const padded_size = dilated_size + before + after;
	const low = -Math.max(before, 0);
	return {
		axis, input_size, kernel_size, stride, dilation, input_dilation, mode, span, before, after, dilated_size, padded_size,
		output_size: Math.floor((padded_size - span) / stride) + 1,
		leftover: modulo(padded_size - span, stride),
		frame: { low, size: dilated_size + Math.max(after, 0) - low },
	};
}

/** The forward convolution's axis of a transposed one, whose output is its input. */
function forwardAxis({ before, after, output_padding, ...values }) {
	const input_size = (values.dilated_size - 1) / values.input_dilation + 1;
	// An output_padding of a stride or more would give the forward convolution more outputs than this layer's inputs.
	return sized({ ...values, input_size }, before, after - (output_padding >= values.stride ? output_padding : 0));
}

function dilatedSize(size, dilation) {
	return (size - 1) * dilation + 1;
}

function splitSame(total, lower) {
	const small = Math.floor(total / 2);
	return lower ? [total - small, small] : [small, total - small];
}

function namedPadding(name, { span, stride, input_size }) {
	const [most, half] = [span - 1, Math.floor(span / 2)];
	const pads = { valid: [0, 0], full: [most, most], half: [half, half], causal: [most, 0], anticausal: [0, most] };
	const outputs = Math.ceil(input_size / stride);
	return pads[name] ?? splitSame(Math.max((outputs - 1) * stride + span - input_size, 0), name === "same_lower");
}

function convPadding(values) {
	const { padding, input_size, input_dilation, span } = values;
	const [before, after] = typeof padding === "string" ? namedPadding(padding, values) : padding;
	const padded_size = dilatedSize(input_size, input_dilation) + before + after;
	const sums = { padded_size, reach: padded_size, beyond: 0, missing: span - padded_size };
	check("fit", { ...values, before, after, ...sums });
	return [before, after];
}

/** The pads of a name, and the output_padding, which some names determine. */
function transposedName(values) {
	const { padding, stride, span, output_padding } = values;
	const longer = Math.max(stride - span, 0);
	if (/^same/.test(padding)) return [...splitSame(Math.max(span - stride, 0), padding === "same_lower"), longer];
	return [...namedPadding(padding, values), { valid: longer, anticausal: stride - 1 }[padding] ?? output_padding];
}

function transposedPadding(values) {
	const { padding, input_size, stride, dilation, input_dilation, span } = values;
	check("output_padding", { ...values, output_size: 0 });
	const numbers = typeof padding === "string" ? transposedName(values) : [...padding, values.output_padding];
	const [before, after, output_padding] = numbers;
	const without = (input_size - 1) * stride + span - before - after;
	const dilated_size = without + output_padding;
	const least = Math.max(1 - without, 0);
	const resolved = { ...values, before, after, output_padding, dilated_size };
	check("output", {
		...resolved,
		bound: Math.max(stride, dilation),
		missing: 1 - dilated_size,
		remainder: modulo(dilated_size - 1, input_dilation),
		fitting: least + modulo(-(without + least - 1), input_dilation),
	});
	return resolved;
}

// -- other layers, and sizes as arithmetic --

/** Settings of the other kind of layer: the channels swap, since the weight is the same. */
export function withKind(settings, transposed) {
	if (settings.transposed === transposed) return { ...settings };
	return { ...settings, transposed, in_channels: settings.out_channels, out_channels: settings.in_channels };
}

/** The layer whose matrix is the transpose: its input is the other's output. */
export function transposeOf(settings, { axes, output_shape }) {
	const leftover = axes.map((axis) => axis.leftover);
	return {
		...withKind(settings, !settings.transposed),
		input_size: output_shape.slice(1),
		padding: axes.map((axis) => [axis.before, axis.after]),
		output_padding: settings.transposed ? leftover.map(() => 0) : leftover,
	};
}

/** [number or null, formula, arithmetic, note] of the size of one axis, from Python's table. */
export function relationship({ transposed, axes, padding, input_shape, output_shape, ...layer }, number, rows) {
	const { kernel_size: k, span, stride: s, dilation: d, input_dilation: a } = axes[number];
	const [p, after] = padding[number];
	const op = layer.output_padding[number];
	const [i, o] = [input_shape[number + 1], output_shape[number + 1]];
	const values = { i, o, k, k_e: span, s, p, d, a, op, before: p, after };
	const facts = {
		transposed,
		general: a > 1 || p !== after || p < 0 || (op > 0 && op >= s),
		dilated: d > 1,
		strided: s > 1,
		extra: op > 0,
		padding: p === 0 ? "none" : p === span - 1 ? "full" : 2 * p === span - 1 ? "half" : "other",
	};
	const row = rows.find(({ when }) => Object.entries(when).every(([name, fact]) => facts[name] === fact));
	return [row.number, row.formula, fill(row.arithmetic, values), fill(row.note, values)];
}
