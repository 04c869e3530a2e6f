#pragma once
/*
 * URL templates of discovery (appc spec, discovery.md).  Pure, no allocation.
 * The template is hostile; name and labels are the operator's.
 */
#include <stddef.h>

struct ft_query {
	const char *name;	   /* AC identifier */
	const char *const *labels; /* "name=value" */
	size_t n_labels;
};

/* Value of a label, NULL if there is none (version: "latest"). */
const char *ft_label(const struct ft_query *q, const char *name, size_t n);

/* Replace {name}, {ext} and the labels, once: values are not looked into.
 * 0; -ENOENT a variable that the query does not have; -EMSGSIZE. */
int ft_expand(const char *template, const struct ft_query *q, const char *ext,
    char *ret, size_t size);
