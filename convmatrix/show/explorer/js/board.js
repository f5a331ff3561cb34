// One picture of places in rows and columns, drawn as SVG, and the colours of taps.

import { clamp, round, times } from "./numbers.js";

const SVG = "http://www.w3.org/2000/svg";
export const LETTER = 6.7; // width of a letter of 11 px
const FULL = 30000; // most places of a matrix that is drawn with its zeros
export const GAP = 12; // between tiles
export const LABELLED = 1500; // most labels on one board

function set(node, attributes) {
	for (const [name, value] of Object.entries(attributes)) {
		if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
	}
	return node;
}

export function svg(tag, attributes, parent, text) {
	const node = set(document.createElementNS(SVG, tag), attributes);
	if (text !== undefined) node.textContent = text;
	if (parent) parent.append(node);
	return node;
}

export function element(tag, attributes = {}, ...children) {
	const node = set(document.createElement(tag), attributes);
	node.append(...children);
	return node;
}

/** Colours of the taps of a kernel, as convmatrix.show.model.palette makes them of the same numbers. */
export function tapColours(size, family) {
	const [rows, columns] = size.length === 1 ? [size[0], 1] : size.length ? size.slice(-2) : [1, 1];
	const ramps = rampsOf(rows, family);
	const line = columns === 1;
	return ramps.flatMap((ramp, row) => times(columns, (column) => {
		const level = family.line[0] + (family.line[1] - family.line[0]) * (row + 0.5) / rows;
		return onRamp(ramp, line ? (level - ramp[0]) / (ramp[1] - ramp[0]) : (column + 0.5) / columns, family);
	}));
}

/** The ramps of a kernel's rows: in order, or once round the circle of hues where there are more than seven. */
function rampsOf(rows, { ramps, circle }) {
	if (rows <= ramps.length) return ramps.slice(0, rows);
	const knots = [...circle, 0].map((number) => [...ramps[number]]);
	let greatest = -Infinity;
	for (const knot of knots) {
		greatest = Math.max(greatest, knot[5]);
		if (greatest > knot[5]) [knot[5], knot[6]] = [knot[5] + 360, knot[6] + 360];
	}
	return times(rows, (row) => {
		const position = row * ramps.length / rows, before = Math.floor(position);
		return knots[before].map((from, n) => from + (knots[before + 1][n] - from) * (position - before));
	});
}

/** The colour at a place from 0 to 1 of a ramp. */
function onRamp([dark, light, ...rest], at, family) {
	const [c0, c1, c2, first, last] = rest;
	const chroma = c0 * (1 - at) * (1 - 2 * at) + c1 * 4 * at * (1 - at) + c2 * at * (2 * at - 1);
	const hue = (first + (last - first) * at) * Math.PI / 180;
	const lab = [dark + (light - dark) * at, chroma * Math.cos(hue), chroma * Math.sin(hue)];
	const linear = applied(family.light, applied(family.roots, lab).map((root) => root ** 3));
	return "#" + linear.map((part) => {
		const shown = Math.min(Math.max(part, 0), 1);
		const encoded = shown <= 0.0031308 ? 12.92 * shown : 1.055 * shown ** (1 / 2.4) - 0.055;
		return Math.round(255 * encoded).toString(16).padStart(2, "0");
	}).join("");
}

const applied = (matrix, vector) => matrix.map((row) => row.reduce((sum, part, n) => sum + part * vector[n], 0));

const parts = (colour) => [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16));

/** White or near black, whichever stands out more, and black where neither reaches 4.5:1 (WCAG 2.1). */
export function inkOn(colour) {
	const paper = luminance(colour) + 0.05;
	const [bright, dark] = [1.05 / paper, paper / (luminance("#1b1f24") + 0.05)];
	return Math.max(bright, dark) < 4.5 ? "#000000" : bright >= dark ? "#ffffff" : "#1b1f24";
}

function luminance(colour) {
	const linear = parts(colour).map((part) => part / 255)
		.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
	return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}

/**
 * One picture of places in rows and columns, in one tile or several (channels). It computes where the pointer is from its
 * coordinates, so that it needs no node for each place: drawing is one path for each colour.
 */
export class Board {
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
		const visible = this.area.matches(":focus-visible") && this.cursor;
		set(this.cursorPath, { d: visible ? this.rectangle(this.cursor, 1, 1, 1) : "" });
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
export const spot = (row, col, tile = 0) => ({ tile, row, col });
