// Names of positions and taps, and sentences, of which Python wrote the templates.

import { allAlike, fill, numberText, unravel } from "./numbers.js";
import { relationship } from "./table.js";

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

/** Labels, values and sentences of one table. */
export class Writer {
	constructor(spec, table, links) {
		Object.assign(this, { sentences: spec.sentences, relationships: spec.relationships, table, links });
		const { weight } = spec;
		this.weight = weight && allAlike([weight.shape, table.weight_shape]) ? weight : null;
		this.matrix = table.transposed ? "Cᵀ" : "C";
	}

	sentence(key, values = {}) {
		return fill(this.sentences[key], { matrix: this.matrix, ...values });
	}

	tap(tap) {
		return tapName(this.table.weight_shape, tap);
	}

	label(entry) {
		return this.links.tapsOf(entry).map((tap) => this.tap(tap)).join("+");
	}

	/** The value of the sum of some weights, or null where the page has no values for this kernel. */
	value(taps) {
		if (!this.weight) return null;
		const { labels, values, integer, boolean } = this.weight;
		if (taps.length === 1) return labels[taps[0]];
		const found = taps.map((tap) => values[tap]);
		if (boolean) return String(Number(found.some(Boolean)));
		if (found.includes(null)) return taps.map((tap) => labels[tap]).join("+"); // what JSON cannot hold
		return numberText(found.reduce((sum, number) => sum + number, 0), integer);
	}

	text(entry) {
		return this.value(this.links.tapsOf(entry)) ?? this.label(entry);
	}

	/** A position as it stands in sentences: 3, or (0, 1), or (0, 1) of channel 2. */
	place(shape, flat) {
		const [channel, ...index] = unravel(flat, shape);
		const place = this.position(index);
		return shape[0] === 1 ? place : this.sentence("place", { place, channel });
	}

	position(index) {
		return index.length === 1 ? String(index[0]) : `(${index.join(", ")})`;
	}

	list(flats, shape, [none, one, many]) {
		const all = [...new Set(flats)];
		if (!all.length) return this.sentence(none);
		const list = all.slice(0, 9).map((flat) => this.place(shape, flat)).join(", ");
		const shown = all.length > 9 ? this.sentence("more", { list, more: all.length - 9 }) : list;
		return this.sentence(all.length === 1 ? one : many, { list: shown });
	}

	inputs(entries) {
		const cols = entries.map((entry) => this.table.cells.indices[entry]);
		return this.list(cols, this.table.input_shape, ["no_input", "one_input", "inputs"]);
	}

	outputs(entries) {
		const rows = entries.map((entry) => this.links.rowOf[entry]);
		return this.list(rows, this.table.output_shape, ["no_output", "one_output", "outputs"]);
	}

	/** The sentence of a choice. */
	chosen(choice, lit) {
		const { row, col, tap } = choice;
		const { table } = this;
		if (tap !== null) return this.chosenTap(tap, lit);
		if (row !== null && col !== null) return this.chosenCell(row, col, lit.entries);
		if (row !== null) {
			const values = { place: this.place(table.output_shape, row), inputs: this.inputs(lit.entries), row };
			if (table.transposed) return this.sentence("row_transposed", values);
			const zeros = lit.marks.filter(({ tile, index }) => this.links.kindAt(tile, index).held < 0).length;
			return this.sentence(zeros ? "row_zeros" : "row", { ...values, zeros });
		}
		if (col !== null) {
			const key = table.transposed ? "col_transposed" : "col";
			return this.sentence(key, { place: this.place(table.input_shape, col), outputs: this.outputs(lit.entries), col });
		}
		if (choice.place !== null) {
			const { tile, index } = this.links.placeOf(choice.place);
			const { kind, at } = this.links.kindAt(tile, index);
			return this.sentence(table.transposed && kind === "padding" ? "cropped" : kind, { place: this.position(at) });
		}
		return this.sentence("hint");
	}

	chosenTap(tap, lit) {
		const value = this.value([tap]);
		const [count, outputs] = [lit.entries.length, this.outputs(lit.entries)];
		const values = { label: this.tap(tap), value, count, nnz: this.table.nnz, outputs };
		return this.sentence(value === null ? "tap" : "tap_value", values);
	}

	chosenCell(row, col, [entry]) {
		const { output_shape, input_shape } = this.table;
		const values = { row, col, output: this.place(output_shape, row), input: this.place(input_shape, col) };
		if (entry === undefined) return this.sentence("empty_cell", values);
		const value = this.value(this.links.tapsOf(entry));
		return this.sentence(value === null ? "cell" : "cell_value", { ...values, value, label: this.label(entry) });
	}

	/** How the sizes come about: formula, arithmetic and source, once where all axes are alike. */
	sizes() {
		const all = this.table.axes.map((_, axis) => relationship(this.table, axis, this.relationships));
		const alike = allAlike(all);
		return (alike ? all.slice(0, 1) : all).map(([number, formula, arithmetic, note], axis) => [
			alike ? formula : this.sentence("axis", { axis, formula }),
			`= ${arithmetic}`,
			[number === null ? "" : this.sentence("guide", { number }), note].filter(Boolean).join("; "),
		]);
	}

	leftovers() {
		return this.table.axes.map(({ leftover }, axis) => (
			leftover && !this.table.transposed ? this.sentence("leftover", { axis, count: leftover }) : ""));
	}
}
