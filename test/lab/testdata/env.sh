export KUBECONFIG=/repo/.lab/kubeconfig
export PATH=/repo/.lab/bin:$PATH
