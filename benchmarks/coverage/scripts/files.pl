use File::Find; my $n = 0; find(sub { $n += -s if -f }, 'tree'); print "$n\n";
open my $f, '>', 'perl.out' or die; print $f "$_\n" for 1 .. 900; close $f;
print scalar(`cat notes`); my $p = fork // die; exit 6 unless $p; waitpid $p, 0;
print $? >> 8, "\n"; opendir my $d, 'tree'; print join(',', sort readdir $d), "\n";
