/* The two lists: crossings and postures. Every table, symbol check and page is made from them.

   CROSSING(label)        the name, and the suffix of limen_crossing_<label> and limen_crossed_<label>
   POSTURE(label, name)   see README.md for what each sets up */
#ifndef PROBE_CROSSINGS_H
#define PROBE_CROSSINGS_H

#define CROSSINGS(CROSSING)                                                                                            \
  CROSSING(syscall64) CROSSING(int80) CROSSING(syscall32) CROSSING(sysenter)                                          \
  CROSSING(ud) CROSSING(bp) CROSSING(de) CROSSING(gp) CROSSING(pf)                                                    \
  CROSSING(sigreturn) CROSSING(irq) CROSSING(nmi) CROSSING(db)

#define POSTURES(POSTURE)                                                                                              \
  POSTURE(normal, "normal")                                                                                            \
  POSTURE(rsp_zero, "rsp-zero")                                                                                        \
  POSTURE(rsp_unmapped, "rsp-unmapped")                                                                                \
  POSTURE(rsp_noncanonical, "rsp-noncanonical")                                                                        \
  POSTURE(rsp_kernel_text, "rsp-kernel-text")                                                                          \
  POSTURE(rsp_kernel_direct, "rsp-kernel-direct")                                                                      \
  POSTURE(rsp_chosen, "rsp-chosen")                                                                                    \
  POSTURE(flags_tf, "flags-tf")                                                                                        \
  POSTURE(flags_nt, "flags-nt")                                                                                        \
  POSTURE(flags_ac, "flags-ac")                                                                                        \
  POSTURE(flags_df, "flags-df")                                                                                        \
  POSTURE(flags_all, "flags-all")                                                                                      \
  POSTURE(gs_user, "gs-user")                                                                                          \
  POSTURE(gs_kernel, "gs-kernel")                                                                                      \
  POSTURE(fs_user, "fs-user")                                                                                          \
  POSTURE(fs_kernel, "fs-kernel")                                                                                      \
  POSTURE(alarm_due, "alarm-due")                                                                                      \
  POSTURE(code_top, "code-top")                                                                                        \
  POSTURE(return_rip_noncanonical, "return-rip-noncanonical")                                                          \
  POSTURE(return_rip_kernel, "return-rip-kernel")                                                                      \
  POSTURE(return_rip_unmapped, "return-rip-unmapped")                                                                  \
  POSTURE(return_rsp_zero, "return-rsp-zero")                                                                          \
  POSTURE(return_rsp_noncanonical, "return-rsp-noncanonical")                                                          \
  POSTURE(return_rsp_kernel, "return-rsp-kernel")                                                                      \
  POSTURE(return_flags_tf, "return-flags-tf")                                                                          \
  POSTURE(return_flags_nt, "return-flags-nt")                                                                          \
  POSTURE(return_flags_ac, "return-flags-ac")                                                                          \
  POSTURE(return_flags_df, "return-flags-df")                                                                          \
  POSTURE(return_flags_iopl, "return-flags-iopl")                                                                      \
  POSTURE(return_flags_all, "return-flags-all")                                                                        \
  POSTURE(return_cs_32, "return-cs-32")                                                                                \
  POSTURE(return_cs_null, "return-cs-null")                                                                            \
  POSTURE(return_cs_kernel, "return-cs-kernel")                                                                        \
  POSTURE(return_cs_absent, "return-cs-absent")                                                                        \
  POSTURE(return_ss_null, "return-ss-null")                                                                            \
  POSTURE(return_ss_bad, "return-ss-bad")                                                                              \
  POSTURE(return_ss_kernel, "return-ss-kernel")                                                                        \
  POSTURE(return_ss_absent, "return-ss-absent")                                                                        \
  POSTURE(return_ss_ldt, "return-ss-ldt")                                                                              \
  POSTURE(return_ss_16bit, "return-ss-16bit")                                                                          \
  POSTURE(return_cs_32_ss_16bit, "return-cs-32-ss-16bit")                                                              \
  POSTURE(return_sysret, "return-sysret")                                                                              \
  POSTURE(return_sysret_noncanonical, "return-sysret-noncanonical")                                                    \
  POSTURE(return_sysret_rcx, "return-sysret-rcx")                                                                      \
  POSTURE(return_sysret_r11, "return-sysret-r11")                                                                      \
  POSTURE(return_sysret_tf, "return-sysret-tf")                                                                        \
  POSTURE(return_sysret_rf, "return-sysret-rf")                                                                        \
  POSTURE(return_sysret_cs_32, "return-sysret-cs-32")                                                                  \
  POSTURE(return_sysret_ss_null, "return-sysret-ss-null")

#define CROSSING(label) crossing_##label,
enum crossing { CROSSINGS(CROSSING) crossing_count };
#undef CROSSING

#define POSTURE(label, name) posture_##label,
enum posture { POSTURES(POSTURE) posture_count };
#undef POSTURE
#endif
