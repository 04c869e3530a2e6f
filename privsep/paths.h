#pragma once
/* Where this build lives.  Absolute, no trailing slash; set by the Makefile. */
extern const char ps_libexec_dir[]; /* worker programs */
extern const char ps_vendor_dir[];  /* system configuration, site policy, stage1 */
extern const char ps_conf_dir[];    /* administrator's configuration */
extern const char ps_data_dir[];    /* default of --dir */
extern const char ps_version[];
