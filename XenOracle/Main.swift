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
  if crash() || processor() {
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

/// Whether it is the last word. The command line stands at offset 128 of struct start_info and may begin with the image's name.
func commandLine(endsWith word: StaticString) -> Bool {
  let line = start_info + 128
  var end: UInt = 0
  while end < 1023, load_byte(line + end) != 0 { end += 1 }
  let count = UInt(word.utf8CodeUnitCount)
  guard end >= count, end == count || load_byte(line + end - count - 1) == 32 else { return false }
  var index: UInt = 0
  while index < count {
    guard load_byte(line + end - count + index) == word.utf8Start[Int(index)] else { return false }
    index += 1
  }
  return true
}
