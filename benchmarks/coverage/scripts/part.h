int part(int n);
