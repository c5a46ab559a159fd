// The one unit of the target whose precompiled headers all tests share (cmake/rooms.cmake).
