// Entries, taps and positions that belong together: what a choice lights up.

import { everyIndex, product, ravel, times, unravel } from "./numbers.js";
import { isInside, isKept, position, source } from "./table.js";

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
		this.frame = table.axes.map((axis) => axis.frame);
		this.frameShape = this.frame.map(({ size }) => size);
		this.taps = product(table.kernel_size);
	}

	rowEntries(row) {
		const { indptr } = this.table.cells;
		return times(indptr[row + 1] - indptr[row], (n) => indptr[row] + n);
	}

	/** Entries of a column, from lists that are made when they are first needed. */
	colEntries(col) {
		if (!this.columns) {
			this.columns = times(this.table.cols, () => []);
			this.table.cells.indices.forEach((of, entry) => this.columns[of].push(entry));
		}
		return this.columns[col];
	}

	tapEntries(tap) {
		const { tap_indptr, taps } = this.table.cells;
		const found = [];
		for (let entry = 0; entry < this.rowOf.length; entry++) {
			for (let n = tap_indptr[entry]; n < tap_indptr[entry + 1]; n++) if (taps[n] === tap) found.push(entry);
		}
		return found;
	}

	tapsOf(entry) {
		const { tap_indptr, taps } = this.table.cells;
		return taps.slice(tap_indptr[entry], tap_indptr[entry + 1]);
	}

	/** The kernel position of an entry's first tap: what its colour follows. */
	colourOf(entry) {
		return this.table.cells.taps[this.table.cells.tap_indptr[entry]] % this.taps;
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
		const [channel, ...output] = unravel(window, table.forward_output_shape);
		const group = Math.floor(channel / (table.forward_output_shape[0] / table.groups));
		lit.chosenWindows.push({ tile: channel, index: output });
		const low = table.axes.map((axis, n) => position(axis, output[n], 0) - this.frame[n].low);
		for (let part = 0; part < table.channels_per_group; part++) {
			const tile = group * table.channels_per_group + part;
			lit.frames.push({ tile, index: low, size: table.axes.map((axis) => axis.span) });
			for (const [tap, index] of [...everyIndex(table.kernel_size)].entries()) {
				const at = table.axes.map((axis, n) => position(axis, output[n], index[n]));
				if (place !== null && this.sourceAt(tile, at) !== place) continue;
				const weight = (channel * table.channels_per_group + part) * this.taps + tap;
				lit.marks.push({ tile, index: at.map((p, n) => p - this.frame[n].low), tap: weight });
			}
		}
	}

	/** A place and its copies in the border; alone, the windows that read it. */
	lightPlace(place, alone, lit) {
		const [tile, ...input] = unravel(place, this.table.forward_input_shape);
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
		const [channel, part] = unravel(Math.floor(tap / this.taps), table.weight_shape.slice(0, 2));
		const index = unravel(tap % this.taps, table.kernel_size);
		const tile = Math.floor(channel / (table.forward_output_shape[0] / table.groups)) * table.channels_per_group + part;
		lit.entries = this.tapEntries(tap);
		lit.taps = [tap];
		for (const output of everyIndex(table.forward_output_shape.slice(1))) {
			const at = table.axes.map((axis, n) => position(axis, output[n], index[n]) - this.frame[n].low);
			lit.marks.push({ tile, index: at, tap });
		}
		this.markWindows(lit.entries, (one) => one === tap, lit);
		return lit;
	}

	markWindows(entries, wanted, lit) {
		const windows = this.table.transposed ? this.table.cells.indices : this.rowOf;
		for (const entry of entries) {
			const [tile, ...index] = unravel(windows[entry], this.table.forward_output_shape);
			lit.windows.push({ tile, index, tap: this.tapsOf(entry).find(wanted) });
		}
	}

	/** The place, as a row or column, that a position of a channel holds; -1 for a zero. */
	sourceAt(tile, at) {
		const index = this.table.axes.map((axis, n) => source(axis, at[n]));
		return index.includes(-1) ? -1 : ravel([tile, ...index], this.table.forward_input_shape);
	}

	/** A place of the frame by its number, counted through all channels. */
	placeOf(number) {
		const [tile, ...index] = unravel(number, [this.table.forward_input_shape[0], ...this.frameShape]);
		return { tile, index };
	}

	/** What a place of the frame is: an input ("input"), also where it is cropped, one repeated in the border ("copy"), or a zero. */
	kindAt(tile, index) {
		const at = index.map((p, n) => p + this.frame[n].low);
		const { axes } = this.table;
		const inside = axes.every((axis, n) => isInside(axis, at[n]));
		const held = this.sourceAt(tile, at);
		if (held < 0) return { kind: inside ? "inserted" : "padding", held, at };
		const kept = axes.every((axis, n) => isKept(axis, at[n]));
		return { kind: inside ? (kept ? "input" : "cropped_input") : "copy", held, at };
	}
}
