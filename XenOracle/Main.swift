// The kernel's first room: it runs every case and shuts down.

@_cdecl("kernel_main")
func kernelMain() {
  var line = Line()
  line.put("start")
  line.end()
  guard Memory.start() else {
    var line = Line()
    line.put("no user memory")
    line.end()
    shutDown(3)
    return
  }
  if crash() {
    shutDown(0)
    return
  }
  StartState().report()
  observeEntries()
  observeGates()
  observeFlags()
  observeDebug()
  observeIret()
  observeMasks()
  observeSegments()
  observePrivileged()
  observeHypercalls()
  observeEventChannels()
  observePageTables()
  observeDescriptors()
  observeServices()
  observeMulticalls()
  observeGrants()
  observeDom0()
  observeVCPUInfo()
  line = Line()
  line.put("end")
  line.end()
  shutDown(0)
}

/// `SCHEDOP_shutdown` of xen/include/public/sched.h: 0 powers off, 3 is a crash.
func shutDown(_ reason: UInt) {
  Hypercall.schedulerOperation(2, words(reason))
}
