/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Texts with variables, taken apart: "${name}" is a variable of tables/variables.h, "${1}" a capture, "$$" a dollar; a dollar before
 * anything else is itself. Refuses what looks like a variable and is none, so that a slip of the pen is found at load.
 */
#include "steerway/cfg.h"

#include "steerway/base/err.h"
#include "steerway/base/mem.h"

static const struct {
	const char *name;
	enum cfg_known known;
} variables[] = {
#define VARIABLE(id, name, known, doc) [CFG_VARIABLE_##id] = { name, CFG_KNOWN_##known },
#include "steerway/tables/variables.h"
#undef VARIABLE
};

enum cfg_known cfg_variable_known(enum cfg_variable v) {
	return v < CFG_VARIABLE_COUNT ? variables[v].known : CFG_KNOWN_REQUEST;
}

static int variable_read(struct str name, struct cfg_template_part *out, struct err *why) {
	if (name.n == 1 && name.p[0] >= '0' && name.p[0] <= '9') {
		*out = (struct cfg_template_part){ CFG_VARIABLE_CAPTURE, name, (unsigned)(name.p[0] - '0') };
		return 1;
	}
	for (unsigned i = 0; i < CFG_VARIABLE_COUNT; i++) {
		struct str row = str_from(variables[i].name);
		if (row.p[row.n - 1] == ':' ? str_starts(name, row) && name.n > row.n : str_eq(name, row)) {
			bool has_argument = row.p[row.n - 1] == ':';
			*out =
			    (struct cfg_template_part){ (enum cfg_variable)i, has_argument ? str_skip(name, row.n) : STR(""), 0 };
			return 1;
		}
	}
	struct buf all = { 0 };
	for (unsigned i = 0; i < CFG_VARIABLE_COUNT; i++)
		buf_printf(&all, "%s%s", i ? ", " : "", variables[i].name);
	err_set(why, "unknown variable ${%.*s%s}; there are: %.*sNAME", name.n > 40 ? 40 : (int)name.n, name.p,
	        name.n > 40 ? "..." : "", STR_ARG(buf_str(&all)));
	buf_fini(&all);
	return -1;
}

int cfg_template_next(struct str *rest, struct cfg_template_part *out, struct err *why) {
	if (rest->n == 0)
		return 0;
	bool is_escape = str_starts(*rest, STR("$$"));
	if (str_starts(*rest, STR("${"))) {
		size_t end = str_find_char(*rest, '}');
		struct str name = str_slice(rest->p + 2, end - 2);
		if (end == rest->n)
			return err_set(why, "${ has no closing }; write ${name}, or $${ for the text itself");
		*rest = str_skip(*rest, end + 1);
		return variable_read(name, out, why);
	}
	/* Text, up to the next dollar that means something. */
	size_t start = is_escape ? 1 : 0, n = start + 1;
	if (!is_escape)
		while (n < rest->n && rest->p[n] != '$')
			n++;
	*out = (struct cfg_template_part){ CFG_VARIABLE_TEXT, str_slice(rest->p + start, n - start), 0 };
	*rest = str_skip(*rest, is_escape ? 2 : n);
	return 1;
}
