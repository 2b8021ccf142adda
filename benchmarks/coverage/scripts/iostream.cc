#include <fstream>
#include <iostream>
#include <map>
int main() { std::map<int, int> m{{1, 2}}; std::cout << m[1] << std::endl; }
