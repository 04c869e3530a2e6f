/*
 * Where this build lives: the only object that depends on the prefix.  Linked
 * into root, and trusted: constants alone.
 */
#include "privsep/paths.h"

const char ps_libexec_dir[] = RKT_LIBEXECDIR;
const char ps_vendor_dir[] = RKT_VENDORDIR;
const char ps_conf_dir[] = RKT_CONFDIR;
const char ps_data_dir[] = RKT_DATADIR;
const char ps_version[] = RKT_VERSION;
