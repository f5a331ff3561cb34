// The pictures of the matrix, of the kernel, and of what windows lie on and give.

import { Board, GAP, inkOn, LABELLED, LETTER, spot, svg } from "./board.js";
import { clamp, everyIndex, product, times, unravel } from "./numbers.js";
import { placeName } from "./writer.js";

/** The matrix: entries in the colours of their taps, with names at its sides and rulers between image rows. */
export class MatrixBoard extends Board {
	draw({ table, links, writer, colours }, width, zoom) {
		const { indices } = table.cells;
		const rowName = (row) => placeName("y", table.output_shape, row);
		const colName = (col) => placeName("x", table.input_shape, col);
		const texts = table.nnz <= LABELLED ? Array.from(indices, (_, entry) => writer.text(entry)) : [];
		const needed = LETTER * Math.max(2, ...texts.map((text) => text.length), colName(table.cols - 1).length) + 5;
		const nameWidth = LETTER * rowName(table.rows - 1).length + 10;
		const available = Math.floor((width - nameWidth - 4) / table.cols); // whole pixels leave no seams
		const fits = texts.length && table.cols * needed <= 1.6 * (width - nameWidth);
		const cw = (fits ? clamp(available, needed, Math.max(36, needed)) : clamp(available, 2, 36)) * zoom;
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
		this.title.textContent = writer.sentence("matrix", { rows: table.rows, cols: table.cols, nnz: table.nnz });
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
	rulers({ input_shape, output_shape }) {
		const [x, y] = this.corner(spot(0, 0));
		const [wide, tall] = [this.cols * this.cw, this.rows * this.ch];
		const every = (count, step, size, line) => (step > 1 && step * size >= 6
			? times(Math.max(Math.ceil(count / step) - 1, 0), (n) => line((n + 1) * step)).join("") : "");
		return `M${x} ${y}h${wide}v${tall}h${-wide}z`
			+ every(this.rows, output_shape.at(-1), this.ch, (row) => `M${x} ${y + row * this.ch}h${wide}`)
			+ every(this.cols, input_shape.at(-1), this.cw, (col) => `M${x + col * this.cw} ${y}v${tall}`);
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
export class KernelBoard extends Board {
	draw({ table, links, writer, colours }, width) {
		const [rows, cols] = plane(table.kernel_size);
		const [many, each] = table.weight_shape;
		const tiles = many * each;
		const count = tiles * links.taps;
		const texts = count <= LABELLED ? times(count, (tap) => writer.value([tap]) ?? writer.tap(tap)) : [];
		const cw = texts.length ? clamp(LETTER * Math.max(...texts.map((text) => text.length)) + 6, 30, 90) : 8;
		this.layout({ tiles, rows, cols, cw, ch: texts.length ? 30 : 8, perLine: perLine(tiles, cols * cw, width) });
		this.links = links;
		colours.forEach((fill, tap) => {
			const places = times(tiles, (tile) => this.tapPlace(tile * links.taps + tap));
			this.paint(places, { fill, "data-tap": tap });
		});
		texts.forEach((text, tap) => this.write(this.tapPlace(tap), text, { fill: inkOn(colours[tap % links.taps]) }));
		const values = { name: "kernel", whole: sizes(table.kernel_size), many, each };
		this.title.textContent = writer.sentence(tiles > 1 ? "kernels" : "map", values);
	}

	tapPlace(tap) {
		const { taps, table } = this.links;
		return spot(...plane(unravel(tap % taps, table.kernel_size), 0), Math.floor(tap / taps));
	}

	light(lit, on) {
		this.cover(lit.taps.map((tap) => this.tapPlace(tap)), on);
	}
}

/** A map, one tile for each channel: what windows lie on, or what they give. */
export class MapBoard extends Board {
	draw({ table, links, writer, colours, palette }, width, { shape, letter, colour, kindAt, caption }) {
		const [tiles, rows, cols] = [shape[0], ...plane(shape.slice(1))];
		const cell = clamp(Math.floor(Math.min(width / cols, 420 / rows)), tiles * rows * cols > 4000 ? 2 : 5, 38);
		this.layout({ tiles, rows, cols, cw: cell, ch: cell, perLine: perLine(tiles, cols * cell, width) });
		const selected = palette[letter === "x" ? "input-selected" : "output-selected"];
		Object.assign(this, { links, writer, colours, kindAt, selected });
		const whole = letter === "x" ? table.input_shape : table.output_shape;
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
		const held = [...chosen, ...marks].filter(({ tile, index }) => this.kindAt(tile, index).held >= 0);
		this.marks.replaceChildren(
			svg("path", { d: this.shape(held.map((place) => this.placeAt(place))), fill: this.selected }),
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
		const name = this.writer.tap(mark.tap);
		const text = LETTER * name.length > this.cw - 8 ? name.split(".").pop() : name;
		const { kind } = this.kindAt(mark.tile, mark.index);
		this.write(this.placeAt(mark), text, { class: `tap on-${kind}` }, this.names, 7);
	}
}

const PALE = { input: 100, copy: 45, cropped_input: 25 }; // percent of the colour
/** One axis as the row of a plane. */
const plane = (size, filler = 1) => (size.length === 1 ? [filler, size[0]] : size);
export const sizes = (numbers) => numbers.join(" x ");
const perLine = (tiles, each, width) => clamp(Math.floor((width + GAP) / (each + GAP)), 1, tiles);
